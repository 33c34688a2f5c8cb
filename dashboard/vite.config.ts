import { defineConfig } from "vite";

// Relative URLs and the page's <base> make one build serve at any path prefix.
export default defineConfig({
  base: "./",
  build: {
    target: "es2022",
    sourcemap: false,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // the content security policy allows no data: URLs
    reportCompressedSize: true,
  },
  server: { proxy: { "/api": "http://127.0.0.1:8787" } },
});
