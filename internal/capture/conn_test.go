package capture

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestConnCountsWhatAPoolDoes drives a connection as database/sql does, by a clock of its own.
func TestConnCountsWhatAPoolDoes(t *testing.T) {
	use := func(c *Conn, took time.Duration) {
		c.Use(Now())
		time.Sleep(took)
		c.Used(Now())
	}
	for name, test := range map[string]struct {
		run  func(c *Conn)
		want Pool
	}{
		"opened":        {func(*Conn) {}, Pool{InUse: 1, Checkouts: 1}},
		"never used":    {func(c *Conn) { c.In() }, Pool{Checkouts: 1}},
		"used":          {func(c *Conn) { use(c, 3); c.In() }, Pool{Checkouts: 1, Held: 3}},
		"used twice":    {func(c *Conn) { use(c, 3); use(c, 4); time.Sleep(5 * time.Nanosecond); c.In() }, Pool{Checkouts: 1, Held: 12}},
		"returned once": {func(c *Conn) { use(c, 3); c.In(); time.Sleep(9 * time.Nanosecond); c.In() }, Pool{Checkouts: 1, Held: 3}},
		"lent twice":    {func(c *Conn) { c.Out(); c.Out(); c.In() }, Pool{Checkouts: 1}},
		"in turns": {func(c *Conn) {
			for range 3 {
				c.Out()
				use(c, 2)
				c.In()
				time.Sleep(time.Hour)
			}
		}, Pool{Checkouts: 3, Held: 6}},
		"handed on": {func(c *Conn) {
			for range 3 {
				c.Out()
				use(c, 2)
				c.In()
				time.Sleep(time.Duration(handOff) - 1)
			}
		}, Pool{Checkouts: 3, Held: 6, HandOffs: 2}},
		"a use that was not one": {func(c *Conn) {
			use(c, 2)
			c.In()
			time.Sleep(time.Second)
			c.Out()
			c.Use(Now())
			time.Sleep(3 * time.Nanosecond)
			c.In()
		}, Pool{Checkouts: 2, Held: 5}},
		"closed":  {func(c *Conn) { use(c, 2); c.In(); c.Close(); c.Close() }, Pool{Checkouts: 1, Held: 2}},
		"lookups": {func(c *Conn) { c.Looked(true); c.Looked(false); c.Looked(true) }, Pool{InUse: 1, Checkouts: 1, CacheHits: 2, CacheMisses: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := SourceOf("", t.Name())
				before := source.Pool()
				time.Sleep(time.Second) // an instant of 0 is none
				c := source.Open()
				test.run(c)
				got := source.Pool()
				if test.want.Opened, test.want.Open = 1, 1; name == "closed" {
					test.want.Open = 0
				}
				c.Close()
				got.Opened, got.Checkouts, got.HandOffs, got.Held = got.Opened-before.Opened, got.Checkouts-before.Checkouts, got.HandOffs-before.HandOffs, got.Held-before.Held
				got.CacheHits, got.CacheMisses = got.CacheHits-before.CacheHits, got.CacheMisses-before.CacheMisses
				if got != test.want {
					t.Errorf("%+v, want %+v", got, test.want)
				}
			})
		})
	}
}

func TestASourceOfAFileOnlyHasNoPool(t *testing.T) {
	s := &Source{Path: "/x"}
	if s.Pool() != (Pool{}) || s.OpenRows() != nil {
		t.Error("it has connections")
	}
}
