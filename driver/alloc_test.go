package driver

import "testing"

// TestAllocationsOverTheBareDriver holds each road to what is promised, as the zero Config has it.
func TestAllocationsOverTheBareDriver(t *testing.T) {
	raw, wrapped := openSide(t, benchSides[0].open), openSide(t, oursWith(Config{}))
	for _, road := range benchRoads {
		t.Run(road.name, func(t *testing.T) {
			bare, ours := road.prepare(t, raw), road.prepare(t, wrapped)
			for range 4 * road.calls { // grow the ring's buffers
				ours()
			}
			before, after := testing.AllocsPerRun(50, bare), testing.AllocsPerRun(50, ours)
			if after > before+road.allocs {
				t.Errorf("%v allocations, want at most %v + %v", after, before, road.allocs)
			}
		})
	}
}
