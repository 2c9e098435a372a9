import { createServer } from 'node:http'

const port = Number(process.env.PORT ?? 8080)
createServer((_, response) => response.end('Hello from a container.\n')).listen(port)
