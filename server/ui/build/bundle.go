package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// libraries are bundled into the script; their licences travel with it.
var libraries = []string{"preact", "@preact/signals", "@preact/signals-core", "uplot"}

// build returns the files of dist by slash-separated name, compressed forms included.
func build(root string) (map[string][]byte, error) {
	ui := filepath.Join(root, "server", "ui")
	tmp, err := os.MkdirTemp("", "sqliteperf-ui-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	err = esbuild(root, "app="+filepath.Join(ui, "src", "main.tsx"), "--outdir="+tmp,
		"--bundle", "--minify", "--format=esm", "--target=es2022", "--charset=utf8", "--legal-comments=none",
		"--jsx=automatic", "--jsx-import-source=preact", `--define:process.env.NODE_ENV="production"`)
	if err != nil {
		return nil, err
	}
	page, err := os.ReadFile(filepath.Join(ui, "src", "index.html"))
	if err != nil {
		return nil, err
	}
	notices, err := licences(ui)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range []string{"app.js", "app.css", "licenses.txt"} {
		body := notices
		if name != "licenses.txt" {
			if body, err = os.ReadFile(filepath.Join(tmp, name)); err != nil {
				return nil, err
			}
		}
		served := "assets/" + hashed(name, body)
		files[served] = body
		if !bytes.Contains(page, []byte("{"+name+"}")) {
			return nil, fmt.Errorf("src/index.html does not refer to {%s}", name)
		}
		page = bytes.ReplaceAll(page, []byte("{"+name+"}"), []byte("dashboard/"+served))
	}
	files["index.html"] = page
	for _, name := range sorted(files) {
		if files[name+".gz"], err = compress(files[name]); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// bundleTests turns each test/*.test.ts into one file that node runs without a loader.
func bundleTests(root, out string) error {
	entries, err := filepath.Glob(filepath.Join(root, "server", "ui", "test", "*.test.ts"))
	if err != nil {
		return err
	}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	args := append(entries, "--outdir="+out, "--out-extension:.js=.mjs", "--bundle", "--platform=node",
		"--format=esm", "--target=node20", "--jsx=automatic", "--jsx-import-source=preact")
	return esbuild(root, args...)
}

func esbuild(root string, args ...string) error {
	tool := []string{"tool", "-modfile=" + filepath.Join("internal", "tools", "go.mod"), "esbuild", "--log-level=warning"}
	cmd := exec.Command("go", append(tool, args...)...)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run esbuild: %w", err)
	}
	return nil
}

// hashed puts twelve hex digits of the contents' hash into a name, so that it may be cached for ever.
func hashed(name string, body []byte) string {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	return strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:6]) + ext
}

func compress(body []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func licences(ui string) ([]byte, error) {
	var out bytes.Buffer
	for _, name := range libraries {
		text, err := os.ReadFile(filepath.Join(ui, "node_modules", filepath.FromSlash(name), "LICENSE"))
		if err != nil {
			return nil, fmt.Errorf("licence of %s: %w", name, err)
		}
		fmt.Fprintf(&out, "== %s ==\n\n%s\n\n", name, bytes.TrimSpace(text))
	}
	return out.Bytes(), nil
}
