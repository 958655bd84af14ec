package driver

import "testing"

// TestAllocationsOverTheBareDriver holds each road to what is promised, as the zero Config has it.
func TestAllocationsOverTheBareDriver(t *testing.T) {
	needsFrames(t)
	raw, wrapped := openSide(t, benchSides[0].open), openSide(t, oursWith(Config{}))
	for _, road := range benchRoads {
		t.Run(road.name, func(t *testing.T) {
			bare, ours := road.prepare(t, raw), road.prepare(t, wrapped)
			for range 4 * road.calls { // grow the ring's buffers
				ours()
			}
			before := fewestAllocs(bare, 5, 0)
			if after := fewestAllocs(ours, 60, before+road.allocs); after > before+road.allocs {
				t.Errorf("%v allocations, want at most %v + %v", after, before, road.allocs)
			}
		})
	}
}

// fewestAllocs is what f allocates when the runtime has a goroutine at hand for each that modernc
// starts to watch a context: making one allocates too. It tries until it has seen enough.
func fewestAllocs(f func(), tries int, enough float64) float64 {
	fewest := testing.AllocsPerRun(50, f)
	for n := 1; n < tries && fewest > enough; n++ {
		fewest = min(fewest, testing.AllocsPerRun(50, f))
	}
	return fewest
}
