-- +goose Up
CREATE TABLE renamed(track INT, title TEXT);
-- +goose StatementBegin
CREATE TRIGGER track_title AFTER UPDATE OF title ON track BEGIN
	INSERT INTO renamed VALUES (new.id, old.title);
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER track_title;
DROP TABLE renamed;
