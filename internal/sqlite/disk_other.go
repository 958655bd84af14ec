//go:build !unix

package sqlite

// freeBytes is unknown here; a full disk then shows as an error of the copy.
func freeBytes(string) (bytes int64, ok bool) { return 0, false }

// device is unknown here.
func device(string) (id uint64, ok bool) { return 0, false }
