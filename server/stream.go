package server

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/sqliteperf/sqliteperf/advisor"
)

// Limits of the live stream.
const (
	maxStreams   = 32
	heartbeat    = 15 * time.Second
	writeLimit   = 5 * time.Second
	queriesEvery = 5 * time.Second
	queriesShown = 10
)

// stream sends events as they happen. https://html.spec.whatwg.org/multipage/server-sent-events.html
func (a *Admin) stream(w http.ResponseWriter, r *http.Request) {
	select {
	case a.streams <- struct{}{}:
		defer func() { <-a.streams }()
	default:
		w.Header().Set("Retry-After", "10")
		problem(w, http.StatusServiceUnavailable, "too_many_streams", fmt.Sprintf("%d streams are open already", maxStreams))
		return
	}
	last, _ := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64)
	news := a.advisor.Subscribe(last)
	defer news.Close()
	w.Header().Set("Content-Type", "text/event-stream")
	s := sse{w: w, control: http.NewResponseController(w)}
	if s.write("retry: 2000\n\n") != nil {
		return
	}
	a.follow(r, &s, news)
}

// follow sends news, heartbeats and the top statements until the client or the advisor goes.
func (a *Admin) follow(r *http.Request, s *sse, news *advisor.Subscription) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	top := time.NewTicker(queriesEvery)
	defer top.Stop()
	var last uint64 // number of the event sent last
	for {
		var err error
		select {
		case <-r.Context().Done():
			return
		case <-a.ctx.Done():
			return
		case ev, ok := <-news.C:
			if !ok {
				return
			}
			err = s.send(ev, last)
			last = ev.ID
		case <-beat.C:
			err = s.write(": still here\n\n")
		case <-top.C:
			err = a.sendQueries(r, s)
		}
		if err != nil {
			return
		}
	}
}

// sendQueries sends the most expensive statements. It has no number of its own: it is made for
// this client.
func (a *Admin) sendQueries(r *http.Request, s *sse) error {
	ctx, cancel := limited(r)
	defer cancel()
	stats, err := a.advisor.Stats(ctx, defaultRange)
	if err != nil {
		return err
	}
	text, err := marshal(map[string]any{"queries": stats.Queries[:min(len(stats.Queries), queriesShown)]})
	if err != nil {
		return err
	}
	return s.write("event: queries\ndata: " + text + "\n\n")
}

// sse writes to one client, which must read within writeLimit.
type sse struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// send writes ev, and before it a gap if events after the one numbered last were dropped since the
// client reads too slowly.
func (s *sse) send(ev advisor.Event, last uint64) error {
	text := fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", ev.ID, ev.Name, ev.Data)
	if last > 0 && ev.ID > last+1 {
		text = "event: gap\ndata: {}\n\n" + text
	}
	return s.write(text)
}

func (s *sse) write(text string) error {
	// A server without deadlines or an adapter in between is no reason to send nothing.
	_ = s.control.SetWriteDeadline(time.Now().Add(writeLimit))
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}
