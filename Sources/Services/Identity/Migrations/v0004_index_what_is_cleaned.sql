CREATE INDEX refresh_tokens_access_token_id_idx ON refresh_tokens (access_token_id);
CREATE INDEX refresh_families_expires_at_idx ON refresh_families (expires_at);
CREATE INDEX refresh_families_ended_at_idx ON refresh_families (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX one_time_tokens_expires_at_idx ON one_time_tokens (expires_at);
CREATE INDEX api_keys_expires_at_idx ON api_keys (expires_at) WHERE expires_at IS NOT NULL;
