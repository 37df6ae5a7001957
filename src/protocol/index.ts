export * from './events';
export * from './job';
export * from './page';
export * from './report';
export * from './server';
export * from './table';
