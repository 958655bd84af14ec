-- +goose Up
CREATE TABLE half(id INTEGER PRIMARY KEY);
ALTER TABLE nothing RENAME TO something;

-- +goose Down
DROP TABLE half;
