// Third-party players, loaded when one is wanted and not before.

const loading = new Map();

/** Resolves once the script of that name has run. */
export function library(name) {
  if (!loading.has(name)) {
    loading.set(name, new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `/static/vendor/${name}`;
      script.onload = resolve;
      script.onerror = () => {
        loading.delete(name);
        reject(new Error(`${name} did not load`));
      };
      document.head.append(script);
    }));
  }
  return loading.get(name);
}
