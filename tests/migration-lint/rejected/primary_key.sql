-- rejected: adding-serial-primary-key-field
ALTER TABLE user_count_changes ADD CONSTRAINT user_count_changes_pkey PRIMARY KEY (user_id);
