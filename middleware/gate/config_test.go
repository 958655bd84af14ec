package gate

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestConfigsThatMakeNoSense(t *testing.T) {
	for field, bad := range map[string][]Config{
		"Objective":  {{Objective: -1}, {Objective: 1}, {Objective: 24 * time.Hour}, {Objective: math.MaxInt64}, {Objective: math.MinInt64}},
		"Max":        {{Max: -1}, {Max: math.MaxInt}, {Max: math.MinInt}},
		"Share":      {{Share: -0.1}, {Share: 1.1}, {Share: math.NaN()}, {Share: math.Inf(1)}},
		"Window":     {{Window: -1}, {Window: 1}, {Window: time.Hour}, {Window: math.MaxInt64}},
		"LongWindow": {{LongWindow: -1}, {LongWindow: time.Millisecond}, {LongWindow: math.MaxInt64}},
		"Samples":    {{Samples: -1}, {Samples: math.MaxInt}},
		"FewSamples": {{FewSamples: -1}, {FewSamples: 21}},
		"RetryAfter": {{RetryAfter: -1}, {RetryAfter: math.MaxInt64}},
		"route":      {{Routes: map[string]time.Duration{"/x": 0}}, {Routes: map[string]time.Duration{"/x": -1}}},
	} {
		for _, c := range bad {
			g, err := New(c)
			if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), field) {
				t.Errorf("%+v: %v, want an error about %s", c, err, field)
			}
			if g != nil {
				g.Close()
				t.Errorf("%+v: got a Gate", c)
			}
		}
	}
}

func TestConfigsThatWork(t *testing.T) {
	for _, c := range []Config{
		{}, {Max: 1}, {Max: mostLimit}, {Objective: leastObjective}, {Objective: mostObjective}, {Share: 1e-9}, {Share: 1},
		{Window: leastWindow}, {Window: mostWindow}, {Samples: 1}, {RetryAfter: 1},
	} {
		g, err := New(c)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if p, err := g.Acquire(background, Ordinary); err != nil {
			t.Errorf("%+v: %v", c, err)
		} else {
			p.Release(Done)
		}
		g.Close()
	}
}
