package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/advisor"
)

// client talks to the admin interface of a running application.
type client struct {
	base  string
	token string
}

func isURL(target string) bool {
	return strings.HasPrefix(target, "http://") || strings.HasPrefix(target, "https://")
}

// newClient takes the address of the interface, or the dashboard's with its token. The token is the
// one given, else the address's, else $SQLITE_PERF_TOKEN.
func newClient(target, token string) (*client, error) {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return nil, coded{fmt.Errorf("%s: not a URL", target), exitUsage}
	}
	_, inURL, _ := strings.Cut(u.Fragment, "token=")
	inURL, _, _ = strings.Cut(inURL, "&")
	token = cmp.Or(token, inURL, os.Getenv("SQLITE_PERF_TOKEN"))
	u.Fragment, u.RawQuery = "", ""
	base := strings.TrimSuffix(strings.TrimSuffix(u.String(), "/"), "/dashboard")
	return &client{base: base, token: token}, nil
}

// answerLimit bounds an answer, in bytes.
const answerLimit = 64 << 20

// do sends a request and decodes the answer. A problem becomes an error with its detail.
func (c *client) do(ctx context.Context, method, path string, body, out any) error {
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, in)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if method == http.MethodPost {
		req.Header.Set("Idempotency-Key", rand.Text())
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return coded{err, exitUnreachable}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil {
		return coded{err, exitUnreachable}
	}
	if resp.StatusCode != http.StatusOK {
		return c.refused(resp, text)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return coded{fmt.Errorf("%s%s: not the admin interface: %w", c.base, path, err), exitUnreachable}
	}
	return nil
}

func (c *client) refused(resp *http.Response, text []byte) error {
	var p struct{ Code, Detail string }
	if json.Unmarshal(text, &p) != nil || p.Detail == "" {
		p.Detail = resp.Status
	}
	code := exitError
	switch status := resp.StatusCode; {
	case p.Code == "unknown_recommendation":
	case status == http.StatusForbidden, status == http.StatusUnauthorized, status == http.StatusNotFound, status == http.StatusMisdirectedRequest:
		code = exitUnreachable
	case status == http.StatusConflict:
		code = exitRefused
	}
	if p.Code == "stale_plan" || p.Code == "too_often" {
		return coded{fmt.Errorf("%s: %s (%w)", c.base, p.Detail, errLater), code}
	}
	return coded{fmt.Errorf("%s: %s", c.base, p.Detail), code}
}

// errLater marks an answer that may be another one after the application has looked again.
var errLater = errors.New("try again later")

func (c *client) recommendations(ctx context.Context) (*analysis, error) {
	var got struct {
		Schema          string                    `json:"schema"`
		Analysis        advisor.Analysis          `json:"analysis"`
		Recommendations []*advisor.Recommendation `json:"recommendations"`
	}
	if err := c.do(ctx, http.MethodGet, "/recommendations", nil, &got); err != nil {
		return nil, err
	}
	if got.Schema != "sqlite-perf/recommendations/v1" {
		return nil, coded{fmt.Errorf("%s: not the admin interface", c.base), exitUnreachable}
	}
	return &analysis{Schema: "sqlite-perf/analyze/v1", Report: &advisor.Report{
		Database: c.base, Statements: got.Analysis.Statements, Skipped: got.Analysis.Skipped, Recommendations: got.Recommendations,
	}}, nil
}

// change reviews, then applies or undoes what was reviewed.
func (c *client) change(ctx context.Context, action, id string) error {
	var review advisor.Review
	body := map[string]string{"action": "review", "id": id, "actor": "cli"}
	if err := c.do(ctx, http.MethodPost, "/optimize", body, &review); err != nil {
		return err
	}
	return c.send(ctx, action, id, review.PlanHash)
}

// send applies or undoes what was seen under a plan hash.
func (c *client) send(ctx context.Context, action, id, planHash string) error {
	body := map[string]string{"action": action, "id": id, "actor": "cli", "plan_hash": planHash}
	return c.do(ctx, http.MethodPost, "/optimize", body, &advisor.Review{})
}

// How often and how long a change that is not possible yet is tried again.
const (
	tryEvery = 1200 * time.Millisecond
	tryFor   = 2 * time.Minute
)

// changeLater is change, tried again while the application says that it will be possible later.
func (c *client) changeLater(ctx context.Context, action, id string) error {
	deadline := time.Now().Add(tryFor)
	tick := time.NewTicker(tryEvery)
	defer tick.Stop()
	for {
		err := c.change(ctx, action, id)
		if !errors.Is(err, errLater) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
