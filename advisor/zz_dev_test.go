package advisor

import (
	"fmt"
	"os"
	"runtime/pprof"
	"testing"
	"time"
)

func TestDev(t *testing.T) {
	dir := os.Getenv("DEV")
	if dir == "" {
		t.Skip()
	}
	debugSearch = true
	cat := dir + "/trace.ndjson"
	f, err := os.Open(cat)
	if err != nil {
		t.Fatal(err)
	}
	workload, err := ReadTrace(f, func(line int, reason string) { t.Log(line, reason) })
	if err != nil {
		t.Fatal(err)
	}
	if p := os.Getenv("PROF"); p != "" {
		out, _ := os.Create(p)
		pprof.StartCPUProfile(out)
		defer pprof.StopCPUProfile()
	}
	start := time.Now()
	report, err := Analyze(t.Context(), dir+"/base.db", workload, Options{NoProof: os.Getenv("PROVE") == "", ShadowDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("## took", time.Since(start))
	out, _ := os.Create(dir + "/mine.sql")
	defer out.Close()
	for _, s := range report.Skipped {
		fmt.Println("skipped", s.Fingerprint, s.Reason)
	}
	for _, r := range report.Recommendations {
		if r.Type == "index" {
			for _, text := range r.Statements {
				fmt.Fprintln(out, text+";")
			}
			fmt.Println(r.State, r.Statements[0], len(r.Digests))
		}
	}
}
