-- A database of the application. path is ":memory:" for all in memory, "" where there is none.
CREATE TABLE source(
	id   INTEGER PRIMARY KEY,
	path TEXT NOT NULL UNIQUE
) STRICT;

-- What is summed up: a fingerprint, how transactions ended, a route, or "(other)".
CREATE TABLE statement(
	id        INTEGER PRIMARY KEY,
	source    INTEGER NOT NULL REFERENCES source,
	kind      INTEGER NOT NULL, -- capture.Kind
	digest    INTEGER NOT NULL,
	text      TEXT NOT NULL,    -- with "?" for literals, never as written
	summary   TEXT NOT NULL,
	read_only INTEGER NOT NULL,
	UNIQUE(source, kind, digest)
) STRICT;

CREATE TABLE interval(
	id       INTEGER PRIMARY KEY,
	start_ms INTEGER NOT NULL, -- since 1970
	end_ms   INTEGER NOT NULL,
	recorded INTEGER NOT NULL, -- events
	drained  INTEGER NOT NULL,
	dropped  INTEGER NOT NULL
) STRICT;
CREATE INDEX interval_start ON interval(start_ms);

-- One digest in one interval. detail holds the counters left and the histograms, so that an
-- hour is read in few columns.
CREATE TABLE summary(
	interval  INTEGER NOT NULL REFERENCES interval,
	statement INTEGER NOT NULL REFERENCES statement,
	calls     INTEGER NOT NULL,
	errors    INTEGER NOT NULL,
	busy      INTEGER NOT NULL,
	total_ns  INTEGER NOT NULL,
	detail    BLOB NOT NULL,
	PRIMARY KEY(interval, statement)
) STRICT, WITHOUT ROWID;

CREATE TABLE recommendation(
	id         TEXT NOT NULL PRIMARY KEY,
	state      TEXT NOT NULL,
	updated_ms INTEGER NOT NULL,
	body       TEXT NOT NULL -- JSON
) STRICT;

CREATE TABLE audit(
	seq     INTEGER PRIMARY KEY AUTOINCREMENT,
	at_ms   INTEGER NOT NULL,
	actor   TEXT NOT NULL,
	action  TEXT NOT NULL,
	subject TEXT NOT NULL,
	detail  TEXT NOT NULL,
	data    TEXT NOT NULL DEFAULT '' -- JSON, since version 3
) STRICT;
CREATE TRIGGER audit_update BEFORE UPDATE ON audit BEGIN
	SELECT RAISE(ABORT, 'the audit trail is append only');
END;
CREATE TRIGGER audit_delete BEFORE DELETE ON audit BEGIN
	SELECT RAISE(ABORT, 'the audit trail is append only');
END;
-- INSERT OR REPLACE deletes without asking audit_delete.
CREATE TRIGGER audit_replace BEFORE INSERT ON audit WHEN NEW.seq IN (SELECT seq FROM audit) BEGIN
	SELECT RAISE(ABORT, 'the audit trail is append only');
END;
