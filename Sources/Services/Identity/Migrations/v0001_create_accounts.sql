-- email is what the person wrote, in NFC; email_key is the same folded for case by the service. The index folds once more,
-- so that whoever writes to this table, no two accounts differ by case alone.
CREATE TABLE accounts (
    id            bigint      GENERATED ALWAYS AS IDENTITY,
    email         text        NOT NULL,
    email_key     text        NOT NULL,
    first_name    text        NOT NULL,
    last_name     text        NOT NULL,
    company       text        NOT NULL DEFAULT '',
    roles         text[]      NOT NULL DEFAULT '{}',
    scopes        text[]      NOT NULL DEFAULT '{}',
    is_active     boolean     NOT NULL DEFAULT true,
    verified_at   timestamptz,
    valid_from    timestamptz NOT NULL DEFAULT now(),
    valid_thru    timestamptz,
    -- Access tokens that were issued before are void: the account was inactive since.
    tokens_from   timestamptz,
    version       bigint      NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    changed_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT accounts_pkey PRIMARY KEY (id),
    CONSTRAINT accounts_email_check CHECK (octet_length(email) BETWEEN 3 AND 254),
    CONSTRAINT accounts_email_key_check CHECK (octet_length(email_key) BETWEEN 3 AND 1024),
    CONSTRAINT accounts_first_name_check CHECK (char_length(first_name) BETWEEN 1 AND 100),
    CONSTRAINT accounts_last_name_check CHECK (char_length(last_name) BETWEEN 1 AND 100),
    CONSTRAINT accounts_company_check CHECK (char_length(company) <= 200),
    CONSTRAINT accounts_validity_check CHECK (valid_thru > valid_from)
);
CREATE UNIQUE INDEX accounts_email_key_idx ON accounts (lower(email_key));

-- Apart from the accounts, so that no statement that reads accounts can show a hash.
CREATE TABLE credentials (
    account_id    bigint      NOT NULL,
    password_hash text        NOT NULL,
    changed_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT credentials_pkey PRIMARY KEY (account_id),
    CONSTRAINT credentials_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE,
    CONSTRAINT credentials_password_hash_check CHECK (password_hash LIKE '$argon2id$%')
);

-- One of a kind and account: a newer one replaces it.
CREATE TABLE one_time_tokens (
    account_id bigint      NOT NULL,
    purpose    text        NOT NULL,
    digest     bytea       NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT one_time_tokens_pkey PRIMARY KEY (account_id, purpose),
    CONSTRAINT one_time_tokens_digest_key UNIQUE (digest),
    CONSTRAINT one_time_tokens_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE,
    CONSTRAINT one_time_tokens_purpose_check CHECK (purpose IN ('verify', 'reset')),
    CONSTRAINT one_time_tokens_digest_check CHECK (octet_length(digest) = 32)
);

-- What follows from one sign-in. Ended: no token of it works any more.
CREATE TABLE refresh_families (
    id         bigint      GENERATED ALWAYS AS IDENTITY,
    account_id bigint      NOT NULL,
    scopes     text[],
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz,
    CONSTRAINT refresh_families_pkey PRIMARY KEY (id),
    CONSTRAINT refresh_families_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX refresh_families_account_id_idx ON refresh_families (account_id);

CREATE TABLE refresh_tokens (
    digest            bytea       NOT NULL,
    family_id         bigint      NOT NULL,
    -- The access token that was issued with it, which ends with its family.
    access_token_id   text        NOT NULL,
    access_expires_at timestamptz NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    used_at           timestamptz,
    CONSTRAINT refresh_tokens_pkey PRIMARY KEY (digest),
    CONSTRAINT refresh_tokens_family_id_fkey FOREIGN KEY (family_id) REFERENCES refresh_families (id) ON DELETE CASCADE,
    CONSTRAINT refresh_tokens_digest_check CHECK (octet_length(digest) = 32)
);
-- The rule itself: a family has at most one token that can still be used.
CREATE UNIQUE INDEX refresh_tokens_live_key ON refresh_tokens (family_id) WHERE used_at IS NULL;
CREATE INDEX refresh_tokens_family_id_idx ON refresh_tokens (family_id);
