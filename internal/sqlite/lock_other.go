//go:build !unix

package sqlite

import "os"

// lockFile only makes the file and fails if it is there: copies left behind stay.
func lockFile(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
}
