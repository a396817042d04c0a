-- The keys that sign access tokens; the private part is sealed by a key that the database never sees.
CREATE TABLE signing_keys (
    kid            text        NOT NULL,
    algorithm      text        NOT NULL,
    public_jwk     text        NOT NULL,
    sealed_private bytea       NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    active_from    timestamptz NOT NULL,
    -- Published until then; null: until another key has taken over.
    retire_at      timestamptz,
    CONSTRAINT signing_keys_pkey PRIMARY KEY (kid),
    CONSTRAINT signing_keys_algorithm_check CHECK (algorithm IN ('ES256', 'EdDSA', 'RS256')),
    CONSTRAINT signing_keys_retire_at_check CHECK (retire_at > active_from)
);

-- The last position of the feed: one row. Whoever adds to the feed holds it until the end of the transaction, so positions
-- become visible in their order and a reader that was at one never misses a smaller one.
CREATE TABLE revocation_feed (
    is_only  boolean NOT NULL DEFAULT true,
    position bigint  NOT NULL DEFAULT 0,
    CONSTRAINT revocation_feed_pkey PRIMARY KEY (is_only),
    CONSTRAINT revocation_feed_is_only_check CHECK (is_only)
);
INSERT INTO revocation_feed DEFAULT VALUES;

-- What ended before its time, for as long as it could still matter.
CREATE TABLE revocations (
    position      bigint      NOT NULL,
    subject       text,
    issued_before timestamptz,
    token_id      text,
    expires_at    timestamptz NOT NULL,
    CONSTRAINT revocations_pkey PRIMARY KEY (position),
    CONSTRAINT revocations_kind_check CHECK (
        (subject IS NULL) = (issued_before IS NULL) AND (subject IS NULL) <> (token_id IS NULL))
);
CREATE INDEX revocations_token_id_idx ON revocations (token_id) WHERE token_id IS NOT NULL;
CREATE INDEX revocations_subject_idx ON revocations (subject) WHERE subject IS NOT NULL;
CREATE INDEX revocations_expires_at_idx ON revocations (expires_at);

-- Every change, in the transaction that made it: who, what, when. Nothing secret, and no values: only their names.
CREATE TABLE outbox (
    id          bigint      GENERATED ALWAYS AS IDENTITY,
    occurred_at timestamptz NOT NULL DEFAULT now(),
    actor       text        NOT NULL,
    event       text        NOT NULL,
    subject     text        NOT NULL,
    details     text        NOT NULL DEFAULT '',
    CONSTRAINT outbox_pkey PRIMARY KEY (id)
);

-- Counts of attempts, by digests of accounts and addresses. Lost in a crash of the database, which does no harm.
CREATE UNLOGGED TABLE attempts (
    key     bytea       NOT NULL,
    count   bigint      NOT NULL,
    ends_at timestamptz NOT NULL,
    CONSTRAINT attempts_pkey PRIMARY KEY (key)
);
CREATE INDEX attempts_ends_at_idx ON attempts (ends_at);
