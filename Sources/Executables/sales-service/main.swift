import Sales
import ServiceKit

await ServiceProgram<SalesService>.start()
