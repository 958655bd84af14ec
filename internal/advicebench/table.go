package main

import (
	"fmt"
	"io"
	"strings"
)

// print writes the table and what else there is to say.
func print(w io.Writer, rows []row, more []string) {
	if len(rows) > 0 {
		fmt.Fprintln(w, "| workload | set | read time | VM steps | indexes | MB | write time | unused | slower | advice, CPU · wall | with proof | peak memory |")
		fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|---|---|")
	}
	names := map[string]string{"expert": "`.expert`", "ours": "**sqlite-perf**"}
	for _, r := range rows {
		proof, memory := "–", "–"
		if r.proof.wall > 0 {
			proof = fmt.Sprintf("%.1f s", r.proof.wall.Seconds())
			memory = fmt.Sprintf("%d MB", max(r.advice.resident, r.proof.resident)/1e6)
		}
		fmt.Fprintf(w, "| %s | %s | %.1f× | %.1f× | %d | %.1f | %.2f× | %d | %d | %.1f s · %.1f s | %s | %s |\n",
			r.workload, names[r.set], r.ReadSpeedup, r.StepSpeedup, r.Indexes, float64(r.Bytes)/1e6, r.WriteRatio,
			len(r.Unused), len(r.slower), r.advice.cpu.Seconds(), r.advice.wall.Seconds(), proof, memory)
	}
	for _, r := range rows {
		if len(r.slower) > 0 {
			more = append(more, fmt.Sprintf("Slower by more than 10 %% in VM steps, %s, %s: %s.", r.workload, names[r.set], strings.Join(r.slower, ", ")))
		}
		if len(r.Unused) > 0 && r.set == "ours" {
			more = append(more, fmt.Sprintf("Unused, %s: %s.", r.workload, strings.Join(r.Unused, ", ")))
		}
	}
	for _, line := range more {
		fmt.Fprintf(w, "\n%s\n", line)
	}
}
