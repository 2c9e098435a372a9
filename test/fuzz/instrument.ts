/**
 * The library in one file, counting the branches that it takes: `oci-ts` and pako, whose inflate is half of gzip's
 * portable path. TypeScript is at hand and knows the syntax, so no further package is needed for it.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'
import ts from 'typescript'

const entry = fileURLToPath(new URL('child/fuzzer.ts', import.meta.url))

/** A bundle that was made. */
export interface Instrumented {
  readonly file: string
  /** How many counters it has. */
  readonly points: number
}

/** Bundles the fuzzer with the library into a directory. */
export async function instrument(directory: string): Promise<Instrumented> {
  const file = join(directory, 'fuzzer.mjs')
  let points = 0
  const plugin: Plugin = {
    name: 'instrument',
    setup({ onLoad }) {
      onLoad({ filter: /(?:\/src\/.*\.ts|\/pako\/dist\/pako\.mjs)$/ }, ({ path }) => {
        const source = withSmallChunks(path, readFileSync(path, 'utf8'))
        const { outputText } = ts.transpileModule(source, {
          fileName: path,
          compilerOptions: {
            target: ts.ScriptTarget.ES2023,
            module: ts.ModuleKind.ESNext,
            verbatimModuleSyntax: true,
            allowJs: true,
            inlineSourceMap: true,
            inlineSources: true,
          },
          transformers: { before: [counting(() => points++)] },
        })
        return { contents: outputText, loader: 'js' }
      })
    },
  }
  await build({
    entryPoints: [entry],
    outfile: file,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    logLevel: 'error',
    plugins: [plugin],
    // Packages in CommonJS (tar-stream) ask for Node's modules by `require`.
    banner: {
      js: "import { createRequire as fuzzRequire } from 'node:module'; const require = fuzzRequire(import.meta.url);",
    },
  })
  return { file, points }
}

/**
 * Chunks of 128 KiB, the most that a block of zstd holds, in place of a mebibyte: an input is sooner run (a gunzip
 * alone makes three chunks), and small ones come to the borders of chunks.
 */
function withSmallChunks(path: string, source: string): string {
  if (!path.endsWith('/src/bytes.ts')) return source
  const changed = source.replace('CHUNK_SIZE: number = 1 << 20', 'CHUNK_SIZE: number = 1 << 17')
  if (changed === source) throw new Error('CHUNK_SIZE is no longer where it was in src/bytes.ts')
  return changed
}

/** Puts a counter into every function, branch, loop, case and right-hand side, and tells of arrays by length. */
function counting(next: () => number): ts.TransformerFactory<ts.SourceFile> {
  return (context) => {
    const { factory } = context
    const count = (): ts.Expression =>
      factory.createPostfixIncrement(
        factory.createElementAccessExpression(factory.createIdentifier('fuzzHits'), next()),
      )
    const statement = (): ts.Statement => factory.createExpressionStatement(count())
    const counted = (expression: ts.Expression): ts.Expression =>
      factory.createParenthesizedExpression(factory.createComma(count(), expression))
    const inBlock = (body: ts.Statement): ts.Block =>
      ts.isBlock(body)
        ? factory.updateBlock(body, [statement(), ...body.statements])
        : factory.createBlock([statement(), body])

    const visit = (node: ts.Node): ts.Node => {
      const inner = ts.visitEachChild(node, visit, context)
      if (ts.isIfStatement(inner)) {
        const otherwise = inner.elseStatement
        return factory.updateIfStatement(
          inner,
          inner.expression,
          inBlock(inner.thenStatement),
          // An absent else is a way, too.
          otherwise === undefined
            ? statement()
            : ts.isIfStatement(otherwise)
              ? otherwise
              : inBlock(otherwise),
        )
      }
      if (ts.isConditionalExpression(inner)) {
        return factory.updateConditionalExpression(
          inner,
          inner.condition,
          inner.questionToken,
          counted(inner.whenTrue),
          inner.colonToken,
          counted(inner.whenFalse),
        )
      }
      if (ts.isBinaryExpression(inner) && shortCircuits(inner.operatorToken.kind)) {
        return factory.updateBinaryExpression(inner, inner.left, inner.operatorToken, counted(inner.right))
      }
      if (ts.isForStatement(inner)) {
        return factory.updateForStatement(
          inner,
          inner.initializer,
          inner.condition,
          inner.incrementor,
          inBlock(inner.statement),
        )
      }
      if (ts.isForOfStatement(inner)) {
        return factory.updateForOfStatement(
          inner,
          inner.awaitModifier,
          inner.initializer,
          inner.expression,
          inBlock(inner.statement),
        )
      }
      if (ts.isWhileStatement(inner))
        return factory.updateWhileStatement(inner, inner.expression, inBlock(inner.statement))
      if (ts.isCaseClause(inner))
        return factory.updateCaseClause(inner, inner.expression, [statement(), ...inner.statements])
      if (ts.isDefaultClause(inner))
        return factory.updateDefaultClause(inner, [statement(), ...inner.statements])
      if (ts.isCatchClause(inner))
        return factory.updateCatchClause(inner, inner.variableDeclaration, inBlock(inner.block))
      if (ts.isBlock(inner) && node.parent !== undefined && ts.isFunctionLike(node.parent))
        return inBlock(inner)
      if (
        ts.isNewExpression(inner) &&
        ts.isIdentifier(inner.expression) &&
        /^(?:Uint8Array|ArrayBuffer|Array)$/.test(inner.expression.text) &&
        inner.arguments?.length === 1
      ) {
        const told = factory.createCallExpression(factory.createIdentifier('fuzzAllocate'), undefined, [
          inner.arguments[0]!,
        ])
        return factory.updateNewExpression(inner, inner.expression, inner.typeArguments, [told])
      }
      return inner
    }
    return (file) => ts.visitEachChild(file, visit, context)
  }
}

function shortCircuits(kind: ts.SyntaxKind): boolean {
  return (
    kind === ts.SyntaxKind.AmpersandAmpersandToken ||
    kind === ts.SyntaxKind.BarBarToken ||
    kind === ts.SyntaxKind.QuestionQuestionToken
  )
}
