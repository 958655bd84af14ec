import { Component, type ComponentChildren } from "preact";

/** Boundary keeps a failure to draw one panel inside that panel. */
export class Boundary extends Component<{ children: ComponentChildren }, { failed: string }> {
  override state = { failed: "" };

  static override getDerivedStateFromError(error: unknown): { failed: string } {
    return { failed: error instanceof Error ? error.message : String(error) };
  }

  render() {
    if (!this.state.failed) return this.props.children;
    return (
      <div class="state state-error" role="alert">
        <p><strong>This panel could not be drawn.</strong> {this.state.failed}</p>
        <button type="button" onClick={() => this.setState({ failed: "" })}>Draw again</button>
      </div>
    );
  }
}
