import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { startServer } from './server';

// The entry for Node: the transport (IPC, stdio, a socket) comes from the command line.
startServer(createConnection(ProposedFeatures.all));
