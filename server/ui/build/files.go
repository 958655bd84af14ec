package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func sorted(files map[string][]byte) []string { return slices.Sorted(maps.Keys(files)) }

// write replaces dir by files, so that no asset of an earlier build stays behind.
func write(dir string, files map[string][]byte) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for _, name := range sorted(files) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// compare fails with the names that are missing from dir, stray in it, or different from files.
func compare(dir string, files map[string][]byte) error {
	var differ []string
	for _, name := range sorted(files) {
		have, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil || !same(name, have, files[name]) {
			differ = append(differ, name)
		}
	}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && files[name] == nil {
			differ = append(differ, name+" (stray)")
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(differ) > 0 {
		return fmt.Errorf("dist is not what the sources give; run `go run ./server/ui/build`:\n  %s", strings.Join(differ, "\n  "))
	}
	return nil
}

// same compares bytes; compressed files by what they hold, since another Go release may compress the
// same bytes differently.
func same(name string, a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if !strings.HasSuffix(name, ".gz") {
		return false
	}
	plainA, errA := expand(a)
	plainB, errB := expand(b)
	return errA == nil && errB == nil && bytes.Equal(plainA, plainB)
}

func expand(body []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
