-- +goose Up
CREATE TABLE track(id INTEGER PRIMARY KEY, title TEXT NOT NULL);
INSERT INTO track(title) VALUES ('Overture'), ('Finale');

-- +goose Down
DROP TABLE track;
