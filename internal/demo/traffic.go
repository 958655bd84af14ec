package demo

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Traffic is a client that keeps the shop busy.
type Traffic struct {
	Base    string // address of the shop
	Rate    int    // requests per second; default 40
	Clients int    // requests under way at most; default 4
}

// Run sends requests until ctx ends, and waits for the last one. A request that cannot start since
// all clients are busy is left out, so that a slow shop is not buried.
func (t Traffic) Run(ctx context.Context) {
	t.Rate, t.Clients = max(t.Rate, 0), max(t.Clients, 0)
	if t.Rate == 0 {
		t.Rate = 40
	}
	if t.Clients == 0 {
		t.Clients = 4
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	free := make(chan struct{}, t.Clients)
	tick := time.NewTicker(time.Second / time.Duration(t.Rate))
	defer tick.Stop()
	random := rand.New(rand.NewPCG(3, 4))
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		select {
		case free <- struct{}{}:
			method, path, form := next(random)
			wg.Go(func() {
				t.send(ctx, method, path, form)
				<-free
			})
		default:
		}
	}
}

// next draws a request.
func next(r *rand.Rand) (method, path string, form url.Values) {
	switch p := r.IntN(100); {
	case p < 40:
		return "GET", fmt.Sprintf("/customers/%d/orders", 1+(skewed(r, Customers)*7919)%Customers), nil
	case p < 55:
		return "GET", "/login?email=" + url.QueryEscape(email(1+r.IntN(Customers))), nil
	case p < 70:
		return "GET", fmt.Sprintf("/orders/%d", 1+r.IntN(Orders)), nil
	case p < 75:
		return "GET", "/queue/" + []string{"new", "packed", "sent"}[r.IntN(3)], nil
	case p < 90:
		return "GET", fmt.Sprintf("/products/%d", skewed(r, Products)), nil
	}
	return "POST", "/orders", url.Values{
		"customer": {fmt.Sprint(1 + r.IntN(Customers))}, "product": {fmt.Sprint(skewed(r, Products))}, "total": {fmt.Sprint(500 + r.IntN(9000))},
	}
}

// send sends one request and reads the answer. A failure is the shop's to show: it is counted there.
func (t Traffic) send(ctx context.Context, method, path string, form url.Values) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, t.Base+path, body)
	if err != nil {
		return
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
}
