package middleware

import (
	"strconv"
	"time"
)

// timing adds the header Server-Timing, in milliseconds. The answer begins now, total after the request.
// https://www.w3.org/TR/server-timing/#the-server-timing-header-field
func (q *request) timing(total time.Duration) {
	scope := q.ctx.scope
	if scope.Muted() {
		return
	}
	text := append(make([]byte, 0, 64), "total;dur="...)
	text = appendMilliseconds(text, total)
	text = append(text, ", db;dur="...)
	text = appendMilliseconds(text, scope.Time())
	text = append(text, `;desc="`...)
	text = strconv.AppendInt(text, scope.Statements(), 10)
	text = append(text, ` statements"`...)
	q.outer.Header().Add("Server-Timing", string(text))
}

func appendMilliseconds(dst []byte, d time.Duration) []byte {
	return strconv.AppendFloat(dst, float64(d.Microseconds())/1e3, 'f', -1, 64)
}
