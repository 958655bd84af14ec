// Command build bundles the dashboard into server/ui/dist.
//
//	go run ./server/ui/build                 write dist
//	go run ./server/ui/build -check          rebuild aside; exit 1 and name the files that differ
//	go run ./server/ui/build -tests DIR      bundle the unit tests for node --test into DIR
//
// It needs `npm ci` in server/ui once. The bundler is esbuild, run as a Go tool of internal/tools. The
// same sources give the same bytes: names carry a hash of the contents, and gzip carries no time.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	check := flag.Bool("check", false, "rebuild aside and compare with dist")
	tests := flag.String("tests", "", "bundle the unit tests into this `directory` instead")
	flag.Parse()
	if err := run(*check, *tests); err != nil {
		fmt.Fprintln(os.Stderr, "build dashboard:", err)
		os.Exit(1)
	}
}

func run(check bool, tests string) error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	ui := filepath.Join(root, "server", "ui")
	if _, err := os.Stat(filepath.Join(ui, "node_modules", "preact")); err != nil {
		return errors.New("the libraries are missing: run `npm ci` in server/ui first")
	}
	if tests != "" {
		out, err := filepath.Abs(tests)
		if err != nil {
			return err
		}
		return bundleTests(root, out)
	}
	files, err := build(root)
	if err != nil {
		return err
	}
	if err := withinBudget(files); err != nil {
		return err
	}
	if check {
		return compare(filepath.Join(ui, "dist"), files)
	}
	return write(filepath.Join(ui, "dist"), files)
}

// findRoot walks up to the directory whose internal/tools holds the bundler.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "internal", "tools", "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("run inside the repository: no internal/tools/go.mod here or above")
		}
		dir = parent
	}
}

// budget bounds what a first visit transfers: every compressed file together.
const budget = 90 << 10

func withinBudget(files map[string][]byte) error {
	total := 0
	for _, name := range sorted(files) {
		if strings.HasSuffix(name, ".gz") {
			total += len(files[name])
			fmt.Printf("%7d  %s\n", len(files[name]), name)
		}
	}
	fmt.Printf("%7d  of %d bytes gzip\n", total, budget)
	if total > budget {
		return fmt.Errorf("%d bytes gzip, over the budget of %d", total, budget)
	}
	return nil
}
