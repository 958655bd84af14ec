package alert

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestSilenceTellsLater replays what happens at seconds after noon and lists what is told: what changed and is
// not silenced. The silence ends at second 100.
func TestSilenceTellsLater(t *testing.T) {
	type step struct {
		second int
		value  float64 // -1 only ticks, -2 silences, -3 ends the silence early
	}
	tests := []struct {
		name  string
		steps []step
		want  string
	}{
		{"still firing at its end", []step{{0, -2}, {1, 200}, {90, 200}, {99, -1}, {100, -1}, {101, -1}}, "100 firing,"},
		{"over before its end", []step{{0, -2}, {1, 200}, {31, -1}, {100, -1}}, ""},
		{"told before, over within", []step{{0, 200}, {1, -2}, {30, -1}, {60, -1}, {100, -1}}, "0 firing,100 resolved,"},
		{"told before, goes on", []step{{0, 200}, {1, -2}, {80, -1}, {79, 200}, {100, -1}}, "0 firing,100 firing,"},
		{"told before, over and again", []step{{0, 200}, {1, -2}, {30, -1}, {99, 200}, {100, -1}, {129, -1}}, "0 firing,100 firing,129 resolved,"},
		{"ended early", []step{{0, -2}, {1, 200}, {2, -3}, {3, -1}, {33, -1}}, "3 firing,33 resolved,"},
		{"nothing fires", []step{{0, -2}, {100, -1}}, ""},
		{"rises in silence", []step{{0, -2}, {1, 200}, {2, 2000}, {3, -1}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tracker Tracker
			var got strings.Builder
			for _, s := range tt.steps {
				now := noon.Add(time.Duration(s.second) * time.Second)
				for _, a := range play(t, &tracker, s.value, now) {
					if a.Silence == "" {
						fmt.Fprintf(&got, "%d %s,", s.second, a.State)
					}
				}
			}
			if got.String() != tt.want {
				t.Errorf("told %q, want %q", got.String(), tt.want)
			}
		})
	}
}

func play(t *testing.T, tracker *Tracker, value float64, now time.Time) []Alert {
	switch value {
	case -1:
		return tracker.Tick(now)
	case -2:
		if _, err := tracker.Silence(Silence{ID: "s", Code: "pool_*", Until: noon.Add(100 * time.Second), Reason: "known"}, now); err != nil {
			t.Fatal(err)
		}
		return nil
	case -3:
		if !tracker.Unsilence("s") || tracker.Unsilence("s") {
			t.Error("a silence does not end once")
		}
		return nil
	}
	r := reading(value)
	if value > 1000 {
		r.Level = Critical
	}
	if a, changed := tracker.Observe(r, now); changed {
		return []Alert{a}
	}
	return nil
}

func TestSilenceIsShown(t *testing.T) {
	var tracker Tracker
	tracker.Observe(reading(200), noon)
	s, err := tracker.Silence(Silence{Subject: "app*", Until: noon.Add(time.Hour), Reason: "migration"}, noon)
	if err != nil || s.ID == "" {
		t.Fatalf("Silence = %+v, %v", s, err)
	}
	if a := tracker.Alerts(); len(a) != 1 || a[0].Silence != s.ID {
		t.Errorf("alerts %+v, want one silenced by %s", a, s.ID)
	}
}

func TestSilenceIsChecked(t *testing.T) {
	good := Silence{Code: "*", Until: noon.Add(time.Hour), Reason: "maintenance"}
	tests := map[string]func(*Silence){
		"no pattern":   func(s *Silence) { s.Code = "" },
		"long pattern": func(s *Silence) { s.Subject = strings.Repeat("x", 257) },
		"no reason":    func(s *Silence) { s.Reason = " " },
		"past":         func(s *Silence) { s.Until = noon },
		"no end":       func(s *Silence) { s.Until = time.Time{} },
	}
	for name, change := range tests {
		var tracker Tracker
		s := good
		change(&s)
		if _, err := tracker.Silence(s, noon); !errors.Is(err, ErrSilence) {
			t.Errorf("%s: %v, want ErrSilence", name, err)
		}
	}
	var tracker Tracker
	for i := range maxSilences {
		good.ID = fmt.Sprint(i)
		if _, err := tracker.Silence(good, noon); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tracker.Silence(good, noon); err != nil {
		t.Errorf("replacing one of 100: %v", err)
	}
	good.ID = "more"
	if _, err := tracker.Silence(good, noon); !errors.Is(err, ErrSilence) {
		t.Errorf("one more than 100: %v, want ErrSilence", err)
	}
	if n := len(tracker.Silences(noon.Add(time.Hour))); n != 0 {
		t.Errorf("%d silences after their end, want 0", n)
	}
}

// FuzzGlob: a glob is what the regular expression of its parts is.
func FuzzGlob(f *testing.F) {
	for _, s := range [][2]string{{"*", ""}, {"a*b", "a/x/b"}, {"?", "ä"}, {`\*`, "*"}, {`\*`, "x"}, {"**a", "ba"}, {"*ab", "aab"}, {`\`, `\`}, {"", "x"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 50 {
			return
		}
		var re strings.Builder
		p, s := []rune(pattern), []rune(text)
		for i := 0; i < len(p); i++ {
			switch {
			case p[i] == '*':
				re.WriteString(".*")
			case p[i] == '?':
				re.WriteString(".")
			case p[i] == '\\' && i+1 < len(p):
				i++
				re.WriteString(regexp.QuoteMeta(string(p[i])))
			default:
				re.WriteString(regexp.QuoteMeta(string(p[i])))
			}
		}
		want := regexp.MustCompile(`(?s)\A` + re.String() + `\z`).MatchString(string(s))
		if got := glob(pattern, text); got != want {
			t.Errorf("glob(%q, %q) = %v, want %v", pattern, text, got, want)
		}
	})
}
