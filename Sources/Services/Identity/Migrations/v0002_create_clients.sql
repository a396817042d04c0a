-- Machines: RFC 6749 §4.4.
CREATE TABLE clients (
    id            bigint      GENERATED ALWAYS AS IDENTITY,
    client_id     text        NOT NULL,
    name          text        NOT NULL,
    secret_digest bytea       NOT NULL,
    scopes        text[]      NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT clients_pkey PRIMARY KEY (id),
    CONSTRAINT clients_client_id_key UNIQUE (client_id),
    CONSTRAINT clients_name_check CHECK (char_length(name) BETWEEN 1 AND 100),
    CONSTRAINT clients_secret_digest_check CHECK (octet_length(secret_digest) = 32)
);

-- Devices, on behalf of an account.
CREATE TABLE api_keys (
    id         bigint      GENERATED ALWAYS AS IDENTITY,
    account_id bigint      NOT NULL,
    name       text        NOT NULL,
    digest     bytea       NOT NULL,
    scopes     text[]      NOT NULL,
    expires_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT api_keys_pkey PRIMARY KEY (id),
    CONSTRAINT api_keys_digest_key UNIQUE (digest),
    CONSTRAINT api_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE,
    CONSTRAINT api_keys_name_check CHECK (char_length(name) BETWEEN 1 AND 100),
    CONSTRAINT api_keys_digest_check CHECK (octet_length(digest) = 32)
);
CREATE INDEX api_keys_account_id_idx ON api_keys (account_id);
