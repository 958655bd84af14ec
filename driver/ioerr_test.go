package driver

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
	"modernc.org/sqlite/vfs"
)

// badDisk is a directory whose files cannot be read beyond the first pages.
type badDisk struct{ fs.FS }

// readable is how many bytes can be read: the schema, and the root of its table.
const readable = 2 * 4096

func (d badDisk) Open(name string) (fs.File, error) {
	f, err := d.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return &badFile{File: f}, nil
}

type badFile struct {
	fs.File
	at int64
}

func (f *badFile) Seek(offset int64, whence int) (int64, error) {
	at, err := f.File.(io.Seeker).Seek(offset, whence)
	f.at = at
	return at, err
}

func (f *badFile) Read(b []byte) (int, error) {
	if f.at >= readable {
		return 0, errors.New("the disk is broken")
	}
	n, err := f.File.Read(b)
	f.at += int64(n)
	return n, err
}

// mount spoils a database with pages that cannot be read and returns a data source name for it.
func mount(t *testing.T, dir string) string {
	t.Helper()
	spoilt(t, filepath.Join(dir, "app.db"), func(*testing.T, string) {})
	name, disk, err := vfs.New(badDisk{os.DirFS(dir)})
	must(t, err)
	t.Cleanup(func() { disk.Close() })
	return "file:app.db?vfs=" + name
}

func TestFailingDisksFailAsWithTheBareDriver(t *testing.T) {
	const query = "SELECT sum(length(v)) FROM t"
	everyConfig(t, func(t *testing.T, open opener, dir string) []string {
		var s transcript
		db := open(t, mount(t, dir))
		for range 2 {
			s.query(context.Background(), db, query)
			s.exec(context.Background(), db, query)
		}
		return s.lines
	})
	recorder := capture.NewRecorder()
	db := sql.OpenDB(NewConnector(mount(t, t.TempDir()), Config{recorder: recorder}))
	defer db.Close()
	_, err := db.Exec(query)
	var failure *sqlite.Error
	if !errors.As(err, &failure) || failure.Code()&0xff != sqlite3.SQLITE_IOERR {
		t.Fatalf("%v, want an I/O error", err)
	}
	reader, err := recorder.Attach()
	must(t, err)
	var events []capture.Event
	reader.Drain(func(batch []capture.Event) { events = append(events, batch...) })
	if len(events) != 1 || events[0].Error != capture.ErrorOther {
		t.Errorf("recorded as %+v", see(events))
	}
}
