package driver

import (
	"context"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// ResetSession is called when the pool lends the connection out, but for the first time.
func (c *conn) ResetSession(ctx context.Context) error {
	if err := c.innerConn.ResetSession(ctx); err != nil {
		return err
	}
	c.pool.Out()
	c.lent(ctx)
	return nil
}

// lent notes whose context the connection is lent out with.
func (c *conn) lent(ctx context.Context) { c.ctx, c.owner = ctx, capture.ScopeOf(ctx) }

// IsValid is called when the connection is returned to the pool.
func (c *conn) IsValid() bool {
	valid := c.innerConn.IsValid()
	c.ctx, c.owner = nil, nil
	if c.tx != nil {
		c.tx.left = true
	}
	c.pool.In()
	return valid
}
