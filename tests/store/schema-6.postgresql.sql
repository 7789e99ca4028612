CREATE TABLE alerts (
    id text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    development text NOT NULL COLLATE pg_catalog."C",
    content json NOT NULL
);
CREATE TABLE carried (
    feed text NOT NULL COLLATE pg_catalog."C",
    storyline text NOT NULL COLLATE pg_catalog."C",
    last_at timestamp with time zone NOT NULL
);
CREATE TABLE deliveries (
    number bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    alert text NOT NULL COLLATE pg_catalog."C",
    channel text NOT NULL COLLATE pg_catalog."C",
    target text NOT NULL COLLATE pg_catalog."C",
    thread text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    attempts integer NOT NULL,
    due_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone,
    error text NOT NULL COLLATE pg_catalog."C",
    hold text COLLATE pg_catalog."C",
    told_by text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    root text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C"
);
CREATE SEQUENCE deliveries_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE deliveries_number_seq OWNED BY deliveries.number;
CREATE TABLE developments (
    id text NOT NULL COLLATE pg_catalog."C",
    title text NOT NULL COLLATE pg_catalog."C",
    storylines json NOT NULL,
    first_report text NOT NULL COLLATE pg_catalog."C",
    started_at timestamp with time zone NOT NULL,
    last_report_at timestamp with time zone NOT NULL,
    outlets json NOT NULL,
    reports integer NOT NULL,
    alerted boolean NOT NULL
);
CREATE TABLE entries (
    id text NOT NULL COLLATE pg_catalog."C",
    feed text NOT NULL COLLATE pg_catalog."C",
    url text NOT NULL COLLATE pg_catalog."C",
    title text NOT NULL COLLATE pg_catalog."C",
    summary text NOT NULL COLLATE pg_catalog."C",
    published timestamp with time zone NOT NULL,
    language text NOT NULL COLLATE pg_catalog."C",
    outlet text NOT NULL COLLATE pg_catalog."C",
    keys json NOT NULL,
    seen_at timestamp with time zone NOT NULL
);
CREATE TABLE feedback (
    entry text NOT NULL COLLATE pg_catalog."C",
    storyline text NOT NULL COLLATE pg_catalog."C",
    judgement text NOT NULL COLLATE pg_catalog."C",
    score double precision NOT NULL,
    development text NOT NULL COLLATE pg_catalog."C",
    was json,
    given_at timestamp with time zone NOT NULL
);
CREATE TABLE feeds (
    url text NOT NULL COLLATE pg_catalog."C",
    host text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    doubtful boolean DEFAULT true NOT NULL,
    followed boolean NOT NULL,
    etag text NOT NULL COLLATE pg_catalog."C",
    last_modified text NOT NULL COLLATE pg_catalog."C",
    body_hash text NOT NULL COLLATE pg_catalog."C",
    title text NOT NULL COLLATE pg_catalog."C",
    next_poll_at timestamp with time zone NOT NULL,
    polled_at timestamp with time zone,
    succeeded_at timestamp with time zone,
    failures integer NOT NULL,
    error text NOT NULL COLLATE pg_catalog."C",
    gone boolean NOT NULL,
    not_before timestamp with time zone,
    ttl integer DEFAULT 0 NOT NULL,
    skip_hours integer DEFAULT 0 NOT NULL,
    skip_days integer DEFAULT 0 NOT NULL,
    address text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    moving_to text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    moving_since timestamp with time zone,
    moves integer DEFAULT 0 NOT NULL,
    offences integer DEFAULT 0 NOT NULL,
    renamed integer DEFAULT 0 NOT NULL,
    known_since timestamp with time zone,
    arrived integer DEFAULT 0 NOT NULL,
    arrived_at timestamp with time zone,
    pace double precision DEFAULT '0'::double precision NOT NULL,
    hub text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    topic text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE links (
    token text NOT NULL COLLATE pg_catalog."C",
    used_at timestamp with time zone NOT NULL
);
CREATE TABLE meta (
    name character varying(40) NOT NULL,
    value text NOT NULL COLLATE pg_catalog."C"
);
COMMENT ON TABLE meta IS 'News story monitor';
CREATE TABLE mutes (
    storyline text NOT NULL COLLATE pg_catalog."C",
    channel text NOT NULL COLLATE pg_catalog."C",
    target text NOT NULL COLLATE pg_catalog."C",
    until timestamp with time zone
);
CREATE TABLE notices (
    subject text NOT NULL COLLATE pg_catalog."C",
    title text NOT NULL COLLATE pg_catalog."C",
    raised_at timestamp with time zone NOT NULL
);
CREATE TABLE on_storyline (
    storyline text NOT NULL COLLATE pg_catalog."C",
    development text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE pauses (
    channel text NOT NULL COLLATE pg_catalog."C",
    until timestamp with time zone,
    reason text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE reports (
    entry text NOT NULL COLLATE pg_catalog."C",
    development text NOT NULL COLLATE pg_catalog."C",
    matches json NOT NULL,
    decision text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C",
    explanation text NOT NULL COLLATE pg_catalog."C",
    nearest text COLLATE pg_catalog."C",
    similarity double precision NOT NULL,
    published timestamp with time zone
);
CREATE TABLE seen (
    feed text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    last_seen_at timestamp with time zone NOT NULL
);
CREATE TABLE storylines (
    id text NOT NULL COLLATE pg_catalog."C",
    title text NOT NULL COLLATE pg_catalog."C",
    question text NOT NULL COLLATE pg_catalog."C",
    followed boolean NOT NULL,
    followed_since timestamp with time zone NOT NULL,
    announced_at timestamp with time zone,
    state text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    state_since timestamp with time zone
);
CREATE TABLE subscriptions (
    feed text NOT NULL COLLATE pg_catalog."C",
    token text NOT NULL COLLATE pg_catalog."C",
    secret text NOT NULL COLLATE pg_catalog."C",
    hub text NOT NULL COLLATE pg_catalog."C",
    topic text NOT NULL COLLATE pg_catalog."C",
    asked_at timestamp with time zone,
    lease_until timestamp with time zone,
    ask_at timestamp with time zone NOT NULL,
    tries integer NOT NULL,
    error text NOT NULL COLLATE pg_catalog."C"
);
ALTER TABLE ONLY deliveries ALTER COLUMN number SET DEFAULT nextval('deliveries_number_seq'::regclass);
INSERT INTO meta VALUES ('entries', '0');
INSERT INTO meta VALUES ('schema', '6');
ALTER TABLE ONLY alerts
    ADD CONSTRAINT alerts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY carried
    ADD CONSTRAINT carried_pkey PRIMARY KEY (feed, storyline);
ALTER TABLE ONLY deliveries
    ADD CONSTRAINT deliveries_id_key UNIQUE (id);
ALTER TABLE ONLY deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (number);
ALTER TABLE ONLY developments
    ADD CONSTRAINT developments_pkey PRIMARY KEY (id);
ALTER TABLE ONLY entries
    ADD CONSTRAINT entries_pkey PRIMARY KEY (id);
ALTER TABLE ONLY feedback
    ADD CONSTRAINT feedback_pkey PRIMARY KEY (entry, storyline);
ALTER TABLE ONLY feeds
    ADD CONSTRAINT feeds_pkey PRIMARY KEY (url);
ALTER TABLE ONLY links
    ADD CONSTRAINT links_pkey PRIMARY KEY (token);
ALTER TABLE ONLY meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (name);
ALTER TABLE ONLY mutes
    ADD CONSTRAINT mutes_pkey PRIMARY KEY (storyline, channel, target);
ALTER TABLE ONLY notices
    ADD CONSTRAINT notices_pkey PRIMARY KEY (subject);
ALTER TABLE ONLY on_storyline
    ADD CONSTRAINT on_storyline_pkey PRIMARY KEY (storyline, development);
ALTER TABLE ONLY pauses
    ADD CONSTRAINT pauses_pkey PRIMARY KEY (channel);
ALTER TABLE ONLY reports
    ADD CONSTRAINT reports_pkey PRIMARY KEY (entry);
ALTER TABLE ONLY seen
    ADD CONSTRAINT seen_pkey PRIMARY KEY (feed, key);
ALTER TABLE ONLY storylines
    ADD CONSTRAINT storylines_pkey PRIMARY KEY (id);
ALTER TABLE ONLY subscriptions
    ADD CONSTRAINT subscriptions_pkey PRIMARY KEY (feed);
ALTER TABLE ONLY subscriptions
    ADD CONSTRAINT subscriptions_token_key UNIQUE (token);
CREATE INDEX alerts_created ON alerts USING btree (created_at);
CREATE INDEX carried_storyline ON carried USING btree (storyline, last_at);
CREATE INDEX deliveries_due ON deliveries USING btree (state, channel, due_at);
CREATE INDEX deliveries_sent ON deliveries USING btree (channel, target, sent_at);
CREATE INDEX deliveries_waiting ON deliveries USING btree (state, channel, target, thread, number);
CREATE INDEX developments_last ON developments USING btree (last_report_at);
CREATE INDEX entries_feed ON entries USING btree (feed, seen_at, id);
CREATE INDEX entries_published ON entries USING btree (published, id);
CREATE INDEX entries_seen ON entries USING btree (seen_at);
CREATE INDEX entries_url ON entries USING hash (url);
CREATE INDEX feedback_judgement ON feedback USING btree (judgement);
CREATE INDEX feeds_due ON feeds USING btree (followed, gone, doubtful, next_poll_at, host);
CREATE INDEX reports_development ON reports USING btree (development, published, entry);
CREATE INDEX seen_last ON seen USING btree (last_seen_at);
ALTER TABLE ONLY deliveries
    ADD CONSTRAINT deliveries_alert_fkey FOREIGN KEY (alert) REFERENCES alerts(id);
ALTER TABLE ONLY on_storyline
    ADD CONSTRAINT on_storyline_development_fkey FOREIGN KEY (development) REFERENCES developments(id) ON DELETE CASCADE;
ALTER TABLE ONLY reports
    ADD CONSTRAINT reports_entry_fkey FOREIGN KEY (entry) REFERENCES entries(id) ON DELETE CASCADE;
