package advisor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// copies are the shadow copies for proofs and experiments; nil if there shall be none of these, or can be none.
func (p *pass) copies(ctx context.Context) (shadow, error) {
	if p.options.NoProof {
		return nil, nil
	}
	return p.copied(ctx)
}

// copied makes the shadow copies when they are first needed. Without them, nil, advice rests on a sample of the
// rows, and the report says why.
func (p *pass) copied(ctx context.Context) (shadow, error) {
	if p.shadow != nil || p.options.NoCopy || p.refused {
		return p.shadow, nil
	}
	p.report("shadow", p.name, 0)
	err := p.mayCopy()
	if err == nil {
		p.shadow, err = p.db.Shadow(ctx, p.options.ShadowDir, p.options.MaxShadow)
	}
	switch {
	case err == nil:
		return p.shadow, p.alike(ctx)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case isFileError(err):
		return nil, err
	}
	p.refused = true
	p.skipped = append(p.skipped, Skipped{Reason: "nothing is proved: " + describe(err)})
	return nil, nil
}

// mayProve says whether there can be copies.
func (p *pass) mayProve(ctx context.Context) bool {
	s, err := p.copies(ctx)
	return err == nil && s != nil
}

// copyRate is a slow disk's, in bytes per second, for guessing how long a copy takes at most.
const copyRate = 50 << 20

// mayCopy refuses to copy a database whose writers would fail meanwhile: outside WAL mode they wait for
// every reader, for as long as their busy timeout.
func (p *pass) mayCopy() error {
	if !p.live || strings.EqualFold(p.pragmas["journal_mode"], "wal") {
		return nil
	}
	pages, _ := strconv.ParseInt(p.pragmas["page_count"], 10, 64)
	size, _ := strconv.ParseInt(p.pragmas["page_size"], 10, 64)
	timeout, _ := strconv.ParseInt(p.pragmas["busy_timeout"], 10, 64)
	if takes := pages * size * 1000 / copyRate; timeout < 1000+2*takes {
		return fmt.Errorf("outside WAL mode a copy would hold up the application's writers for about %d ms, and they wait only %d ms", takes, timeout)
	}
	return nil
}

// alike gives both copies the settings of the application's connections that change what a statement
// costs.
func (p *pass) alike(ctx context.Context) error {
	if !p.live {
		return nil
	}
	for _, name := range []string{"cache_size", "foreign_keys", "temp_store", "mmap_size"} {
		value := p.pragmas[name]
		if value == "" {
			continue
		}
		for _, r := range []replayer{p.shadow.Before(), p.shadow.After()} {
			if err := r.Set(ctx, "PRAGMA "+name+" = "+value); err != nil {
				return err
			}
		}
	}
	return nil
}
