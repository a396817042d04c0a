CREATE TABLE orders (
    id          bigint      GENERATED ALWAYS AS IDENTITY,
    customer_id bigint      NOT NULL,
    ordered_at  timestamptz NOT NULL DEFAULT now(),
    version     bigint      NOT NULL DEFAULT 1,
    changed_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT orders_pkey PRIMARY KEY (id),
    CONSTRAINT orders_customer_id_check CHECK (customer_id >= 1)
);

-- All prices are in euro: sums over lines rely on it.
CREATE TABLE order_lines (
    order_id       bigint NOT NULL,
    position       bigint NOT NULL,
    item_id        bigint NOT NULL,
    price_minor    bigint NOT NULL,
    price_currency text   NOT NULL DEFAULT 'EUR',
    quantity       bigint NOT NULL,
    CONSTRAINT order_lines_pkey PRIMARY KEY (order_id, position),
    CONSTRAINT order_lines_order_id_item_id_key UNIQUE (order_id, item_id),
    CONSTRAINT order_lines_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE,
    CONSTRAINT order_lines_position_check CHECK (position BETWEEN 1 AND 200),
    CONSTRAINT order_lines_item_id_check CHECK (item_id >= 1),
    CONSTRAINT order_lines_price_minor_check CHECK (price_minor >= 0),
    CONSTRAINT order_lines_price_currency_check CHECK (price_currency = 'EUR'),
    CONSTRAINT order_lines_quantity_check CHECK (quantity >= 1)
);

-- What was sold of an item is summed from this index alone.
CREATE INDEX order_lines_item_id_idx ON order_lines (item_id) INCLUDE (quantity, price_minor);
