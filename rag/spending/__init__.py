"""What is paid for: prices, budgets that hold the most a call can cost before it is made, and the calls themselves.

prices    a model and its tokens → dollars, offline
budgets   the day's, the projects' and the places' limits: hold before, settle after
calls     one call to a provider, held, timed, written down and settled;  costs sums them up by day, project and model
folding   old calls → the sums of their days
alarm     warns once a day when the budget nears its end;  savings is what stored answers did not cost
"""
