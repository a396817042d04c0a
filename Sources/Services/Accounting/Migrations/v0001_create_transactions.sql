CREATE TABLE transactions (
    id           bigint      GENERATED ALWAYS AS IDENTITY,
    order_id     bigint      NOT NULL,
    sum_minor    bigint      NOT NULL,
    sum_currency text        NOT NULL DEFAULT 'EUR',
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    version      bigint      NOT NULL DEFAULT 1,
    changed_at   timestamptz NOT NULL DEFAULT now(),
    voided_at    timestamptz,
    voided_by    text,
    CONSTRAINT transactions_pkey PRIMARY KEY (id),
    CONSTRAINT transactions_order_id_check CHECK (order_id >= 1),
    CONSTRAINT transactions_sum_minor_check CHECK (sum_minor >= 0),
    CONSTRAINT transactions_sum_currency_check CHECK (sum_currency ~ '^[A-Z]{3}$'),
    CONSTRAINT transactions_voided_check CHECK ((voided_at IS NULL) = (voided_by IS NULL))
);

-- Whoever uses this table, its ledger stays whole: no row goes, no sum or date changes, nothing voided comes back.
CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a recorded transaction cannot be changed in this way' USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER transactions_are_never_deleted BEFORE DELETE ON transactions
    FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER transactions_are_never_rewritten BEFORE UPDATE ON transactions
    FOR EACH ROW
    WHEN (
        (NEW.id, NEW.sum_minor, NEW.sum_currency, NEW.recorded_at)
            IS DISTINCT FROM (OLD.id, OLD.sum_minor, OLD.sum_currency, OLD.recorded_at)
        OR OLD.voided_at IS NOT NULL
    )
    EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER transactions_are_never_truncated BEFORE TRUNCATE ON transactions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
