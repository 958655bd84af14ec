package httpbench

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a server whose requests are read from the process-wide recorder.
type site struct {
	*httptest.Server
	served sync.WaitGroup
	reader *capture.Reader
}

func serve(t *testing.T, h http.Handler) *site {
	t.Helper()
	reader, err := capture.Default.Attach()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{reader: reader}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.served.Add(1)
		defer s.served.Done()
		h.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(func() { s.Close(); s.events(); reader.Detach() })
	s.events()
	return s
}

// events waits for the requests answered so far and returns what was recorded of them.
func (s *site) events() (list []capture.Event) {
	s.served.Wait()
	s.reader.Drain(func(events []capture.Event) { list = append(list, events...) })
	return list
}

// only is the one request that was recorded.
func (s *site) only(t *testing.T) capture.Event {
	t.Helper()
	list := s.events()
	if len(list) != 1 {
		t.Fatalf("%d requests are recorded, want one", len(list))
	}
	return list[0]
}

// post posts a question and returns the status of the answer, which is read.
func (s *site) post(t *testing.T, path string) int {
	t.Helper()
	r, err := http.NewRequest("POST", s.URL+path, strings.NewReader("question"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/plain")
	answer, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}
