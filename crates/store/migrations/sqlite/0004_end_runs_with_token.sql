-- Whether an environment's commands end as soon as the token that runs them may no longer run them.
ALTER TABLE environments ADD COLUMN end_runs_with_token INTEGER NOT NULL DEFAULT 0 CHECK (end_runs_with_token IN (0, 1));
