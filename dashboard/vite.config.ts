import { defineConfig, type Plugin } from "vite";

/**
 * uPlot hangs all it can on its constructor, where no bundler can tell what is unused: we draw
 * lines, and need none of it.
 */
const leanPlot: Plugin = {
  name: "lean-uplot",
  transform(code, id) {
    if (!id.includes("uplot/dist/uPlot.esm.js")) return null;
    const lean = code.replace(/^uPlot\.assign = assign;.*(?=^export )/ms, "");
    if (lean === code) this.error("uPlot has changed: look at it again");
    return { code: lean, map: null };
  },
};

// Relative URLs and the page's <base> make one build serve at any path prefix.
export default defineConfig({
  base: "./",
  plugins: [leanPlot],
  build: {
    target: "es2022",
    sourcemap: false,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // the content security policy allows no data: URLs
    reportCompressedSize: true,
  },
  server: { proxy: { "/api": "http://127.0.0.1:8787" } },
});
