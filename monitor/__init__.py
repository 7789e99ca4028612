"""Follows news stories: one alert for each new development, none for its rewrites."""

__version__ = "0.1.0"
