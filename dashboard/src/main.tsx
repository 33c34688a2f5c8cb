import { render } from "preact";
render(<h1>Kiribi</h1>, document.getElementById("app")!);
