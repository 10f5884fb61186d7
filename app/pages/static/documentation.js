// Draws the API's documentation from its own description; nothing is asked of another host.
const dark = () =>
  document.documentElement.classList.toggle(
    "dark-mode",
    document.documentElement.dataset.theme === "dark",
  );
document.documentElement.addEventListener("themechange", dark);
dark();

globalThis.SwaggerUIBundle({
  url: "/schema/openapi.json",
  dom_id: "#documentation",
  deepLinking: true,
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  // Kept by the page alone: a reload forgets it, and nothing is stored.
  persistAuthorization: false,
  tryItOutEnabled: true,
});
