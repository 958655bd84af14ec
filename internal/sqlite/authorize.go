package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/sqltext"
	"modernc.org/sqlite"
)

// flagDeterministic is SQLITE_DETERMINISTIC. https://sqlite.org/c3ref/c_deterministic.html
const flagDeterministic = 0x800

// ownModules are the modules of virtual tables that are SQLite's own: what they do is undone with the transaction.
var ownModules = map[string]bool{"fts3": true, "fts4": true, "fts5": true, "fts5vocab": true, "rtree": true, "rtree_i32": true, "geopoly": true, "dbstat": true}

// moduleForeign says whether the text makes a virtual table of a module that is not SQLite's own.
func moduleForeign(text string) bool {
	for pos := 0; ; {
		t := sqltext.Next(text, pos)
		if t.Kind == sqltext.EOF {
			return false
		}
		pos = t.End
		if strings.EqualFold(t.Text(text), "USING") {
			return !ownModules[strings.ToLower(sqltext.Name(sqltext.Next(text, pos).Text(text)))]
		}
	}
}

// foreignTables are the virtual tables whose modules are the application's.
func foreignTables(ctx context.Context, c *sql.Conn) (map[string]bool, error) {
	found := map[string]bool{}
	err := each(ctx, c, "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%'", func(scan scanner) error {
		var name, text string
		if err := scan(&name, &text); err != nil {
			return err
		}
		if moduleForeign(text) {
			found[strings.ToLower(name)] = true
		}
		return nil
	})
	return found, err
}

// denyFunctions keeps replays from calling the application's functions and virtual tables, which the driver
// registers on every connection of the process: one that sends mail would send it at each replay, and no
// rollback takes that back. Functions that promise to depend on their arguments only may be called.
func denyFunctions(ctx context.Context, c *sql.Conn) error {
	denied := map[string]bool{}
	err := each(ctx, c, "SELECT name, flags FROM pragma_function_list WHERE builtin = 0", func(scan scanner) error {
		var name string
		var flags int64
		if err := scan(&name, &flags); err != nil {
			return err
		}
		if flags&flagDeterministic == 0 {
			denied[strings.ToLower(name)] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	theirs, err := foreignTables(ctx, c)
	if err != nil || len(denied)+len(theirs) == 0 {
		return err
	}
	return c.Raw(func(inner any) error {
		conn, ok := inner.(sqlite.AuthorizerRegisterer)
		if !ok {
			return fmt.Errorf("replay: %T cannot refuse functions", inner)
		}
		return conn.RegisterAuthorizer(func(action sqlite.AuthorizerActionCode, first, name, _, _ string) sqlite.AuthorizerReturnCode {
			switch action {
			case sqlite.AuthFunction:
				if denied[strings.ToLower(name)] {
					return sqlite.AuthorizerDeny
				}
			case sqlite.AuthInsert, sqlite.AuthUpdate, sqlite.AuthDelete, sqlite.AuthRead:
				if theirs[strings.ToLower(first)] {
					return sqlite.AuthorizerDeny
				}
			}
			return sqlite.AuthorizerOK
		})
	})
}
