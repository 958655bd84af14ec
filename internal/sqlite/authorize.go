package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"modernc.org/sqlite"
)

// flagDeterministic is SQLITE_DETERMINISTIC. https://sqlite.org/c3ref/c_deterministic.html
const flagDeterministic = 0x800

// denyFunctions keeps replays from calling the application's functions, which the driver registers on
// every connection of the process: one that sends mail would send it at each replay, and no rollback
// takes that back. Functions that promise to depend on their arguments only may be called.
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
	if err != nil || len(denied) == 0 {
		return err
	}
	return c.Raw(func(inner any) error {
		conn, ok := inner.(sqlite.AuthorizerRegisterer)
		if !ok {
			return fmt.Errorf("replay: %T cannot refuse functions", inner)
		}
		return conn.RegisterAuthorizer(func(action sqlite.AuthorizerActionCode, _, name, _, _ string) sqlite.AuthorizerReturnCode {
			if action == sqlite.AuthFunction && denied[strings.ToLower(name)] {
				return sqlite.AuthorizerDeny
			}
			return sqlite.AuthorizerOK
		})
	})
}
