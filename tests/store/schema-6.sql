CREATE TABLE alerts (
  id TEXT NOT NULL,
  created_at DATETIME NOT NULL,
  development TEXT NOT NULL,
  content JSON NOT NULL,
  PRIMARY KEY (id)
);
CREATE INDEX alerts_created ON alerts (created_at);
CREATE TABLE carried (
  feed TEXT NOT NULL,
  storyline TEXT NOT NULL,
  last_at DATETIME NOT NULL,
  PRIMARY KEY (feed, storyline)
);
CREATE INDEX carried_storyline ON carried (storyline, last_at);
CREATE TABLE deliveries (
  number INTEGER NOT NULL,
  id TEXT NOT NULL,
  alert TEXT NOT NULL,
  channel TEXT NOT NULL,
  target TEXT NOT NULL,
  thread TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  due_at DATETIME NOT NULL,
  created_at DATETIME NOT NULL,
  sent_at DATETIME,
  error TEXT NOT NULL,
  hold TEXT,
  told_by TEXT DEFAULT '' NOT NULL,
  root TEXT DEFAULT '' NOT NULL,
  PRIMARY KEY (number),
  UNIQUE (id),
  FOREIGN KEY(alert) REFERENCES alerts (id)
);
CREATE INDEX deliveries_due ON deliveries (state, channel, due_at);
CREATE INDEX deliveries_sent ON deliveries (channel, target, sent_at);
CREATE INDEX deliveries_waiting ON deliveries (state, channel, target, thread, number);
CREATE TABLE developments (
  id TEXT NOT NULL,
  title TEXT NOT NULL,
  storylines JSON NOT NULL,
  first_report TEXT NOT NULL,
  started_at DATETIME NOT NULL,
  last_report_at DATETIME NOT NULL,
  outlets JSON NOT NULL,
  reports INTEGER NOT NULL,
  alerted BOOLEAN NOT NULL,
  PRIMARY KEY (id)
);
CREATE INDEX developments_last ON developments (last_report_at);
CREATE TABLE entries (
  id TEXT NOT NULL,
  feed TEXT NOT NULL,
  url TEXT NOT NULL,
  title TEXT NOT NULL,
  summary TEXT NOT NULL,
  published DATETIME NOT NULL,
  language TEXT NOT NULL,
  outlet TEXT NOT NULL,
  keys JSON NOT NULL,
  seen_at DATETIME NOT NULL,
  PRIMARY KEY (id)
);
CREATE INDEX entries_feed ON entries (feed, seen_at, id);
CREATE INDEX entries_published ON entries (published, id);
CREATE INDEX entries_seen ON entries (seen_at);
CREATE INDEX entries_url ON entries (url);
CREATE TABLE feedback (
  entry TEXT NOT NULL,
  storyline TEXT NOT NULL,
  judgement TEXT NOT NULL,
  score FLOAT NOT NULL,
  development TEXT NOT NULL,
  was JSON,
  given_at DATETIME NOT NULL,
  PRIMARY KEY (entry, storyline)
);
CREATE INDEX feedback_judgement ON feedback (judgement);
CREATE TABLE feeds (
  url TEXT NOT NULL,
  host TEXT DEFAULT '' NOT NULL,
  doubtful BOOLEAN DEFAULT 1 NOT NULL,
  followed BOOLEAN NOT NULL,
  etag TEXT NOT NULL,
  last_modified TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  title TEXT NOT NULL,
  next_poll_at DATETIME NOT NULL,
  polled_at DATETIME,
  succeeded_at DATETIME,
  failures INTEGER NOT NULL,
  error TEXT NOT NULL,
  gone BOOLEAN NOT NULL,
  not_before DATETIME,
  ttl INTEGER DEFAULT '0' NOT NULL,
  skip_hours INTEGER DEFAULT '0' NOT NULL,
  skip_days INTEGER DEFAULT '0' NOT NULL,
  address TEXT DEFAULT '' NOT NULL,
  moving_to TEXT DEFAULT '' NOT NULL,
  moving_since DATETIME,
  moves INTEGER DEFAULT '0' NOT NULL,
  offences INTEGER DEFAULT '0' NOT NULL,
  renamed INTEGER DEFAULT '0' NOT NULL,
  known_since DATETIME,
  arrived INTEGER DEFAULT '0' NOT NULL,
  arrived_at DATETIME,
  pace FLOAT DEFAULT '0' NOT NULL,
  hub TEXT DEFAULT '' NOT NULL,
  topic TEXT DEFAULT '' NOT NULL,
  PRIMARY KEY (url)
);
CREATE INDEX feeds_due ON feeds (followed, gone, doubtful, next_poll_at, host);
CREATE TABLE links (
  token TEXT NOT NULL,
  used_at DATETIME NOT NULL,
  PRIMARY KEY (token)
);
CREATE TABLE meta (
  name VARCHAR(40) NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (name)
);
CREATE TABLE mutes (
  storyline TEXT NOT NULL,
  channel TEXT NOT NULL,
  target TEXT NOT NULL,
  until DATETIME,
  PRIMARY KEY (storyline, channel, target)
);
CREATE TABLE notices (
  subject TEXT NOT NULL,
  title TEXT NOT NULL,
  raised_at DATETIME NOT NULL,
  PRIMARY KEY (subject)
);
CREATE TABLE on_storyline (
  storyline TEXT NOT NULL,
  development TEXT NOT NULL,
  PRIMARY KEY (storyline, development),
  FOREIGN KEY(development) REFERENCES developments (id) ON DELETE CASCADE
);
CREATE TABLE pauses (
  channel TEXT NOT NULL,
  until DATETIME,
  reason TEXT NOT NULL,
  PRIMARY KEY (channel)
);
CREATE TABLE reports (
  entry TEXT NOT NULL,
  development TEXT NOT NULL,
  matches JSON NOT NULL,
  decision TEXT NOT NULL,
  reason TEXT NOT NULL,
  explanation TEXT NOT NULL,
  nearest TEXT,
  similarity FLOAT NOT NULL,
  published DATETIME,
  PRIMARY KEY (entry),
  FOREIGN KEY(entry) REFERENCES entries (id) ON DELETE CASCADE
);
CREATE INDEX reports_development ON reports (development, published, entry);
CREATE TABLE seen (
  feed TEXT NOT NULL,
  "key" TEXT NOT NULL,
  last_seen_at DATETIME NOT NULL,
  PRIMARY KEY (feed, "key")
);
CREATE INDEX seen_last ON seen (last_seen_at);
CREATE TABLE storylines (
  id TEXT NOT NULL,
  title TEXT NOT NULL,
  question TEXT NOT NULL,
  followed BOOLEAN NOT NULL,
  followed_since DATETIME NOT NULL,
  announced_at DATETIME,
  state TEXT DEFAULT '' NOT NULL,
  state_since DATETIME,
  PRIMARY KEY (id)
);
CREATE TABLE subscriptions (
  feed TEXT NOT NULL,
  token TEXT NOT NULL,
  secret TEXT NOT NULL,
  hub TEXT NOT NULL,
  topic TEXT NOT NULL,
  asked_at DATETIME,
  lease_until DATETIME,
  ask_at DATETIME NOT NULL,
  tries INTEGER NOT NULL,
  error TEXT NOT NULL,
  PRIMARY KEY (feed),
  UNIQUE (token)
);
INSERT INTO meta VALUES ('schema', '6');
INSERT INTO meta VALUES ('entries', '0');
PRAGMA application_id=1398033742;
