package advisor

import (
	"math"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

const (
	// runBudget is the time for repeating one call, whose least time counts.
	runBudget = 3 * time.Millisecond
	runsMost  = 5

	// What a statement takes is told by what SQLite counts, the same each time: over 1,100 programs of two
	// workloads two thirds took between 0.77 and 1.26 times this many nanoseconds. Functions and sorts, which
	// are not counted, take longer.
	stepCost = 15
	pageCost = 200
	rowCost  = 40
	callCost = 5000
)

// price is what a call costs, in nanoseconds: what was counted says, and where the processor time measured says
// something else altogether, so many times that. Time alone varies by a tenth from run to run, and
// the same workload would get other advice each time.
func (e *evaluator) price(c trial.Cost) float64 {
	factor := e.factor(c)
	if usual(factor) {
		return tally(c)
	}
	return tally(c) * math.Exp2(math.Round(math.Log2(max(factor, 0.125))))
}

// factor is how many times longer a call takes than what was counted says.
func (e *evaluator) factor(c trial.Cost) float64 { return float64(c.CPU) / tally(c) / e.speed }

func usual(factor float64) bool { return factor > 0.3 && factor < 1.9 }

func tally(c trial.Cost) float64 {
	return stepCost*float64(c.Steps) + pageCost*float64(c.Pages) + rowCost*float64(c.Rows) + callCost
}

// floor is the least that a call costs which returns as many rows: a few instructions for each.
func floor(c trial.Cost) float64 { return callCost + (rowCost+3*stepCost)*float64(c.Rows) }

// fewSteps is more than a search by key takes.
const fewSteps = 200

// grown is how many times more a call costs on the whole than on a sample: as many as there are more rows, but
// for a search that finds a few.
func (e *evaluator) grown(p *probe, c trial.Cost) float64 {
	if e.kept == nil || c.Steps < fewSteps {
		return 1
	}
	most := 1.0
	for t := range p.tables {
		most = max(most, 1/e.kept(t))
	}
	return most
}

// gaugedLeast is how many programs the median of their times says something about the machine.
const gaugedLeast = 20

// gauge compares this machine, and what else runs on it, with the one that the constants are from.
func (e *evaluator) gauge() {
	var factors []float64
	for _, p := range e.probes {
		for _, programs := range p.programs {
			for _, c := range programs {
				if !c.Cut {
					factors = append(factors, float64(c.CPU)/tally(c))
				}
			}
		}
		clear(p.memo) // the programs are kept
	}
	if e.speed = 1; len(factors) >= gaugedLeast {
		slices.Sort(factors)
		e.speed = factors[len(factors)/2]
	}
}
