export { planWorkers } from './plan.ts'
export { Supervisor } from './supervisor.ts'
