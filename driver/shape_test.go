//lint:file-ignore SA1019 old roads are roads, and old abilities abilities

package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"modernc.org/sqlite"
)

// abilities are the interfaces database/sql looks for, and those that modernc's applications do.
var abilities = map[string]reflect.Type{
	"Connector":                      reflect.TypeFor[driver.Connector](),
	"io.Closer":                      reflect.TypeFor[io.Closer](),
	"DriverContext":                  reflect.TypeFor[driver.DriverContext](),
	"Conn":                           reflect.TypeFor[driver.Conn](),
	"ConnBeginTx":                    reflect.TypeFor[driver.ConnBeginTx](),
	"ConnPrepareContext":             reflect.TypeFor[driver.ConnPrepareContext](),
	"Execer":                         reflect.TypeFor[driver.Execer](),
	"ExecerContext":                  reflect.TypeFor[driver.ExecerContext](),
	"Queryer":                        reflect.TypeFor[driver.Queryer](),
	"QueryerContext":                 reflect.TypeFor[driver.QueryerContext](),
	"Pinger":                         reflect.TypeFor[driver.Pinger](),
	"SessionResetter":                reflect.TypeFor[driver.SessionResetter](),
	"Validator":                      reflect.TypeFor[driver.Validator](),
	"NamedValueChecker":              reflect.TypeFor[driver.NamedValueChecker](),
	"ColumnConverter":                reflect.TypeFor[driver.ColumnConverter](),
	"Stmt":                           reflect.TypeFor[driver.Stmt](),
	"StmtExecContext":                reflect.TypeFor[driver.StmtExecContext](),
	"StmtQueryContext":               reflect.TypeFor[driver.StmtQueryContext](),
	"Tx":                             reflect.TypeFor[driver.Tx](),
	"Rows":                           reflect.TypeFor[driver.Rows](),
	"RowsNextResultSet":              reflect.TypeFor[driver.RowsNextResultSet](),
	"RowsColumnTypeDatabaseTypeName": reflect.TypeFor[driver.RowsColumnTypeDatabaseTypeName](),
	"RowsColumnTypeLength":           reflect.TypeFor[driver.RowsColumnTypeLength](),
	"RowsColumnTypeNullable":         reflect.TypeFor[driver.RowsColumnTypeNullable](),
	"RowsColumnTypePrecisionScale":   reflect.TypeFor[driver.RowsColumnTypePrecisionScale](),
	"RowsColumnTypeScanType":         reflect.TypeFor[driver.RowsColumnTypeScanType](),
	"AuthorizerRegisterer":           reflect.TypeFor[sqlite.AuthorizerRegisterer](),
	"DBStatus":                       reflect.TypeFor[sqlite.DBStatus](),
	"FileControl":                    reflect.TypeFor[sqlite.FileControl](),
	"HookRegisterer":                 reflect.TypeFor[sqlite.HookRegisterer](),
	"ExecQuerierContext":             reflect.TypeFor[sqlite.ExecQuerierContext](),
}

// has lists the abilities of v.
func has(v any) (names []string) {
	for name, ability := range abilities {
		if reflect.TypeOf(v).Implements(ability) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// methods lists the exported methods of v with their types, without the receiver.
func methods(v any) (list []string) {
	value := reflect.ValueOf(v)
	for i := range value.NumMethod() {
		list = append(list, value.Type().Method(i).Name+strings.TrimPrefix(value.Method(i).Type().String(), "func"))
	}
	return list
}

// parts opens everything a connector leads to.
func parts(t *testing.T, c driver.Connector) map[string]any {
	t.Helper()
	ctx := context.Background()
	conn, err := c.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	tx, err := conn.(driver.ConnBeginTx).BeginTx(ctx, driver.TxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tx.Rollback() })
	stmt, err := conn.Prepare("SELECT 1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stmt.Close() })
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, "SELECT 1", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rows.Close() })
	return map[string]any{"connector": c, "conn": conn, "stmt": stmt, "rows": rows, "tx": tx}
}

func TestAbilitiesAreThoseOfTheBareDriver(t *testing.T) {
	base, err := sqlite.NewConnector(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	raw := parts(t, base)
	for _, c := range configurations {
		t.Run(c.name, func(t *testing.T) { sameAbilities(t, raw, parts(t, NewConnector(":memory:", c.config))) })
	}
}

// sameAbilities compares the parts of two drivers.
func sameAbilities(t *testing.T, raw, ours map[string]any) {
	for part := range raw {
		if reflect.TypeOf(raw[part]) == reflect.TypeOf(ours[part]) {
			t.Errorf("%s: %T is not ours, so nothing was compared", part, ours[part])
		}
		if want, got := has(raw[part]), has(ours[part]); !slices.Equal(got, want) {
			t.Errorf("%s has %v, want %v", part, got, want)
		}
		for _, method := range methods(raw[part]) {
			if strings.HasPrefix(method, "Lock()") || strings.HasPrefix(method, "Unlock()") || strings.HasPrefix(method, "TryLock()") {
				continue // of a mutex modernc embeds for itself
			}
			if !slices.Contains(methods(ours[part]), method) {
				t.Errorf("%s lacks the method %s", part, method)
			}
		}
	}
}

func TestConnRawReachesEveryExtension(t *testing.T) {
	db := wrapped(t, filepath.Join(t.TempDir(), "app.db"))
	if _, err := db.Exec("PRAGMA journal_mode = WAL; CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	raw(t, single(t, db), func(dc any) {
		c, ok := dc.(innerConn)
		if !ok {
			t.Fatalf("%T is not an innerConn", dc)
		}
		if mode, err := c.FileControlPersistWAL("main", 1); err != nil || mode != 1 {
			t.Errorf("FileControlPersistWAL: %d, %v", mode, err)
		}
		if _, err := c.FileControlDataVersion("main"); err != nil {
			t.Errorf("FileControlDataVersion: %v", err)
		}
		if used, _, err := c.Status(sqlite.DBStatusSchemaUsed, false); err != nil || used == 0 {
			t.Errorf("Status: %d bytes of schema, %v", used, err)
		}
		if readOnly, err := c.IsReadOnly("main"); err != nil || readOnly {
			t.Errorf("IsReadOnly: %v, %v", readOnly, err)
		}
		info, err := c.ColumnInfo("SELECT v FROM t")
		if err != nil || len(info) != 1 || info[0].TableName != "t" || info[0].DeclType != "TEXT" {
			t.Errorf("ColumnInfo: %+v, %v", info, err)
		}
		hooksFire(t, c)
		copies(t, c)
	})
}

// hooksFire registers each hook and runs a statement that fires it.
func hooksFire(t *testing.T, c innerConn) {
	t.Helper()
	var updates, commits, rollbacks, asked int
	c.RegisterPreUpdateHook(func(sqlite.SQLitePreUpdateData) { updates++ })
	c.RegisterCommitHook(func() int32 { commits++; return 0 })
	c.RegisterRollbackHook(func() { rollbacks++ })
	if err := c.RegisterAuthorizer(func(sqlite.AuthorizerActionCode, string, string, string, string) sqlite.AuthorizerReturnCode {
		asked++
		return sqlite.AuthorizerOK
	}); err != nil {
		t.Error(err)
	}
	for _, query := range []string{"INSERT INTO t VALUES(1, 'a')", "BEGIN", "DELETE FROM t WHERE id = 1", "ROLLBACK"} {
		if _, err := c.ExecContext(context.Background(), query, nil); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
	if updates != 2 || commits != 1 || rollbacks != 1 || asked == 0 {
		t.Errorf("%d updates, %d commits, %d rollbacks and %d authorizations, want 2, 1, 1 and some", updates, commits, rollbacks, asked)
	}
	c.RegisterPreUpdateHook(nil)
	c.RegisterCommitHook(nil)
	c.RegisterRollbackHook(nil)
	if err := c.RegisterAuthorizer(nil); err != nil {
		t.Error(err)
	}
}

// copies takes the database of c out and back in by each road.
func copies(t *testing.T, c innerConn) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "copy.db")
	for _, begin := range []func(string) (*sqlite.Backup, error){c.NewBackup, c.NewRestore} {
		backup, err := begin(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Step(-1); err != nil {
			t.Error(err)
		}
		if err := backup.Finish(); err != nil {
			t.Error(err)
		}
	}
	image, err := c.Serialize()
	if err != nil || len(image) == 0 {
		t.Fatalf("Serialize: %d bytes, %v", len(image), err)
	}
	memory, err := NewConnector(":memory:", Config{}).Connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	if err := memory.(innerConn).Deserialize(image); err != nil {
		t.Errorf("Deserialize: %v", err)
	}
}

func TestUnwrapIsTheBareConnection(t *testing.T) {
	type unwrapper interface{ Unwrap() driver.Conn }
	var bareType, unwrappedType reflect.Type
	raw(t, single(t, bare(t, ":memory:")), func(dc any) { bareType = reflect.TypeOf(dc) })
	raw(t, single(t, wrapped(t, ":memory:")), func(dc any) { unwrappedType = reflect.TypeOf(dc.(unwrapper).Unwrap()) })
	if unwrappedType != bareType {
		t.Errorf("Unwrap returns %v, want %v", unwrappedType, bareType)
	}
}

func TestDriverIsTheBareOne(t *testing.T) {
	want := bare(t, ":memory:").Driver()
	for _, dsn := range []string{":memory:", "app.db?_pragma=%zz"} {
		db, err := sql.Open(Name, dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if got := db.Driver(); got != want {
			t.Errorf("%s: Driver() is %T %p, want %T %p", dsn, got, got, want, want)
		}
	}
}
