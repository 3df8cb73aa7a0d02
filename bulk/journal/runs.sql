-- begin: Record the start of a run.
INSERT INTO runs (command, version, input, started_at) VALUES (:command, :version, :input, :at);

-- finish: Record the end of a run.
UPDATE runs SET finished_at = :at, seconds = :seconds, stopped = :stopped WHERE id = :run;

-- hold: Record a wait of a whole run.
INSERT INTO holds (run, since, until, why) VALUES (:run, :since, :until, :why);
