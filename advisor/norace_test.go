//go:build !race

package advisor

const underRace = false
