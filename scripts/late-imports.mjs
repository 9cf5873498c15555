/**
 * What the libraries of a plugin bring along, and a process that waits has no use for, by the field `bundle` of its
 * package.json:
 *
 * - `never`: packages that a library imports, and that nothing uses as we use it. Whatever is done with one throws.
 * - `late`: by the library, the packages that are loaded with the first use of what it imports from them, and the names
 *   of that. Only functions, classes and objects can be late. A name that is missing fails the build.
 */
const NEVER = "\0never:";
const LATE = "\0late:";
const WHOLE = "\0whole:";

/** A plugin for the one build of one bundle. */
export function lateImports({ never = [], late = {} }) {
  const importers = new Map();

  return {
    name: "late-imports",
    resolveId: {
      order: "pre",
      handler(id, importer, { kind }) {
        if (id.startsWith(WHOLE)) return id;
        // Found where the library would have found it.
        if (importer?.startsWith(WHOLE))
          return this.resolve(id, importers.get(importer.slice(WHOLE.length)), { kind, skipSelf: true });
        if (never.includes(id)) return NEVER + id;
        const library = Object.keys(late).find((name) => importer?.includes(`/node_modules/${name}/`));
        if (library === undefined || !Object.hasOwn(late[library], id)) return undefined;
        importers.set(id, importer);
        return `${LATE}${library} ${id}`;
      },
    },
    load(id) {
      if (id.startsWith(NEVER)) return neverModule(id.slice(NEVER.length));
      if (id.startsWith(WHOLE)) return `module.exports = require(${JSON.stringify(id.slice(WHOLE.length))});`;
      if (!id.startsWith(LATE)) return undefined;
      const [library, name] = id.slice(LATE.length).split(" ");
      const fileName = `late-${name.replaceAll(/[^a-z0-9]+/g, "-")}.js`;
      this.emitFile({ type: "chunk", id: WHOLE + name, fileName });
      return lateModule(fileName, late[library][name]);
    },
  };
}

function neverModule(name) {
  const why = `${name} was left out of the bundle, for nothing used it: take it out of "never" in the package.json of the plugin`;
  return `
const refuse = () => { throw new Error(${JSON.stringify(why)}); };
module.exports = new Proxy(function () {}, {
  get: (_, key) => (key === "__esModule" ? undefined : refuse()),
  apply: refuse,
  construct: refuse,
});
`;
}

/** By `require`, since what uses it cannot wait. */
function lateModule(fileName, names) {
  const exported = names.map((name) =>
    name === "default"
      ? "export default late((whole) => whole);"
      : `export const ${name} = late((whole) => whole.${name});`,
  );
  return `
const { createRequire } = process.getBuiltinModule("node:module");
let whole;
function late(pick) {
  const of = () => pick((whole ??= createRequire(import.meta.url)("./${fileName}").default));
  const stands = new Proxy(function () {}, {
    get: (_, key) => of()[key],
    apply: (_, self, args) => Reflect.apply(of(), self, args),
    construct: (_, args, made) => Reflect.construct(of(), args, made === stands ? of() : made),
  });
  return stands;
}
${exported.join("\n")}
`;
}
