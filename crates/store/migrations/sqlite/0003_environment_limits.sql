-- What an environment's commands are confined to.
ALTER TABLE environments ADD COLUMN network TEXT NOT NULL DEFAULT 'outbound' CHECK (network IN ('outbound', 'none'));
-- The limits that are its own, by name; those that are absent are the gateway's.
ALTER TABLE environments ADD COLUMN limits TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(limits) AND json_type(limits) = 'object');
